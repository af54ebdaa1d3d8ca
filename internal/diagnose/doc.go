// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package diagnose says why the connections of two workloads are slow: rules F1 to F19 of
// the design, one file a rule, each with its formula, the guard against its false positive,
// and its advice.
//
// A rule looks at a [Pair] in the last few windows and returns a [Finding]. All are pure
// functions; what they cannot know because no metric tells it stands in their files. F18,
// what a host drops by itself (queues, checksums, its packet filter), has no rule: no metric
// tells of it, and what it loses is found as loss.
package diagnose
