// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect

import "time"

// A Step is what a window did to a series' anomaly. The zero value is nothing.
type Step uint8

// The steps of an anomaly's life.
const (
	Nothing Step = iota
	Opened
	// Updated is given every [UpdateEvery] while the anomaly is open.
	Updated
	Closed
)

// String is the step as the attribute tcp.anomaly.state has it.
func (s Step) String() string { return [...]string{"", "open", "update", "close"}[s] }

// UpdateEvery is how much data time lies between two updates of an anomaly.
const UpdateEvery = 5 * time.Minute

// StaleAfter is how long an open anomaly waits for data before it is closed.
const StaleAfter = 5 * time.Minute

// ExpireAfter is how long an anomaly may last; what goes on longer is how the
// series is, and becomes its baseline.
const ExpireAfter = 48 * time.Hour

// A Reason says why an anomaly was closed.
type Reason uint8

// The reasons. Only Recovered says that the fault is over.
const (
	NotClosed Reason = iota
	Recovered        // the series is at its baseline again
	Stale            // no data for StaleAfter
	Expired          // open for ExpireAfter
	Evicted          // the table had no room for it any more
)

// String is the reason as the attribute tcp.anomaly.close_reason has it.
func (r Reason) String() string {
	return [...]string{"", "recovered", "stale", "expired", "evicted"}[r]
}

// A Change says what the series is compared with.
type Change uint8

// The changes.
const (
	Rise Change = iota // above the series' own baseline
	Drop               // below the series' own baseline
	// Absolute is a series too young for a baseline of its own that is above
	// that of its parents, or a limit that needs no baseline.
	Absolute
)

// String is the change as the attribute tcp.anomaly.change has it.
func (c Change) String() string { return [...]string{"rise", "drop", "absolute"}[c] }

// A Verdict describes an anomaly at one step of its life. Baseline, Value and
// Peak are in the unit of the series: a share for ratios, seconds for
// histograms.
type Verdict struct {
	Step   Step
	Reason Reason // of Closed
	Change Change

	Baseline float64
	// Value is over all data from the start on.
	Value float64
	// Peak is the highest of one window with enough data to tell.
	Peak float64
	// Ratio is Value / Baseline, 0 without a baseline.
	Ratio float64
	// Evidence is the logarithm of a likelihood ratio, in nats, at its highest so
	// far, and Threshold what it had to reach.
	Evidence, Threshold float64
	// Samples is how many trials, or values, the verdict rests on.
	Samples uint64
	// Resolution is the factor between two neighbouring values that the input
	// can tell apart: 1 if any, 2 for histograms whose bounds are powers of two.
	Resolution float64
	// Young is that the series has not lived long enough to know how it varies by itself.
	Young bool

	// Start is when the window began with which the change began, Detected when
	// the window ended that opened it, End when the last window ended that
	// still showed it; End is zero until it is closed.
	Start, Detected, End time.Time
}

// A Suspicion is what would be told of an anomaly that there is too little evidence for: in the
// unit of the series, and in nats.
type Suspicion struct{ Baseline, Value, Evidence float64 }
