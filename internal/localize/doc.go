// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package localize says where a fault is and whom it reaches: which few places explain
// the bad edges of a service graph and none of its healthy ones, which end of a path loses
// segments, which reader stands at the end of a chain of full windows, who calls whom.
//
// TCP's troubles do not travel up a chain of calls as latency does, so a root cause is a
// cover of bad edges; calls are for the impact only. All functions are pure; a [Graph] is
// not safe for concurrent use.
package localize
