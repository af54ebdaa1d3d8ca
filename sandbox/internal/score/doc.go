// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package score compares what was said with what was done. It is pure.
//
// By event: a problem is a fault's if it was detected after the fault began and not more
// than a minute after it ended, at an end of what the fault is in, and names its type or its
// place. Of these the first is the detection and others are duplicates; what is no fault's,
// or that of a fault which TCP cannot see, is false.
package score
