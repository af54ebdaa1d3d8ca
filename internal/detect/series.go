// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect

import "math"

// A Series names what is watched, by numbers that mean something to the caller
// alone: a directed pair of workloads and a metric, for instance.
type Series struct {
	ID uint64
	// Parents are the wider groups that the series belongs to, nearest first:
	// pair of workloads, service, host. A new series begins with the baseline of
	// the nearest one that has enough data. Zero is none.
	Parents [3]uint64
}

// IsCount reports whether v may be a number of things: neither negative nor
// infinite, and a number.
func IsCount(v float64) bool { return v >= 0 && v <= math.MaxFloat32 }
