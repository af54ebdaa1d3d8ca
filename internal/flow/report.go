// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow

// A LostReason says why a connection was not described in full.
type LostReason uint8

// Reasons for which a connection was not described in full.
const (
	LostOverflow         LostReason = iota // no room for a flow of its own
	LostRecursion                          // a tracing program was skipped
	LostCallbacksCleared                   // another program switched our callbacks off
	LostSweepSkipped                       // live, but the sweep did not visit it
	LostPredates                           // established before the collector attached
	LostNotFound                           // the same, and nobody found it: told at its end
	LostNoStorage                          // no memory for the socket's record
	LostOwnerTable                         // no room for the record of its process
	LostDeferred                           // live, but no memory for its flow: comes with a later interval
	NumLostReasons
)

// A Report says how complete one interval is.
type Report struct {
	// Described counts the connections, live or closed in the interval, that
	// its deltas describe in full.
	Described uint64
	// Lost counts, by reason, the connections that became known in this
	// interval not to be described in full. Each is counted once.
	Lost [NumLostReasons]uint64
	// Missed counts the connections, live or closed in the interval, that the
	// deltas do not describe in full, whenever that became known.
	Missed uint64
	// StrayResets are the RSTs sent in this interval for no connection, by reason.
	StrayResets []ResetReason
}

// Coverage is the share of connections that the interval describes in full:
// 1 if nothing was missed, and if there was nothing to miss.
func (r Report) Coverage() float64 {
	if r.Missed == 0 {
		return 1
	}
	return float64(r.Described) / float64(r.Described+r.Missed)
}
