// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect

// A Series names what is watched, by numbers that mean something to the caller
// alone: a directed pair of workloads and a metric, for instance.
type Series struct {
	ID uint64
	// Parents are the wider groups that the series belongs to, nearest first:
	// pair of workloads, service, host. A new series begins with the baseline of
	// the nearest one that has enough data. Zero is none.
	Parents [3]uint64
}

// maxCount is how far a float64 can count by ones.
const maxCount = 1 << 53

// IsCount reports whether v may be a number of things: not negative, a number, and not more
// than can be counted.
func IsCount(v float64) bool { return v >= 0 && v <= maxCount }
