// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

// A Phase is what a connection spends its time with.
type Phase uint8

// Phases, one at a time; of all connections together they add up to their time.
const (
	Idle Phase = iota
	NetworkLimited
	ReceiveWindowLimited
	SendBufferLimited
	numPhases
)

// A Failure is why a connection was never established.
type Failure uint8

// Failures.
const (
	FailedOtherwise Failure = iota
	FailedRefused
	FailedTimeout
	FailedUnreachable // host or network
	FailedReset
	FailedNoAddress // no local port left
	FailedAborted   // by its owner: no fault
	numFailures
)

// A Retransmit is what made the kernel send a segment again.
type Retransmit uint8

// Kinds of retransmissions.
const (
	RetransmitUnknown Retransmit = iota
	RetransmitFast
	RetransmitTimeout
	RetransmitProbe // tail loss probe
	RetransmitSYN
	numRetransmits
)

// A Report is what one end said of a pair's connections in one window: sums are what was
// added in it, gauges are of its end. Zero gauges were not told.
type Report struct {
	Seconds float64 // length of the window

	Sent, Received   uint64 // payload bytes
	DataSegments     uint64 // sent, retransmissions included
	Retransmits      [numRetransmits]uint64
	Episodes         uint64 // bursts of retransmissions
	Spurious         uint64
	OutOfOrder       uint64
	Opened           uint64
	ClosedByTimeout  uint64
	Closed           uint64 // for any reason
	Failed           [numFailures]uint64
	ResetsSent       uint64
	ResetsReceived   uint64
	ZeroWindowProbes uint64
	Exchanges        uint64
	Stalls           uint64  // Nagle's
	StallTime        float64 // seconds
	Corks            uint64
	Time             [numPhases]float64 // seconds, of all connections together
	Overflows        uint64             // of this end's listener

	Live                uint64 // open connections
	Awaiting            uint64 // of them, for an answer
	SendQueue           uint64 // bytes
	ReceiveQueue        uint64
	ReceiveBuffer       uint64 // smallest, bytes
	LockedReceiveBuffer uint64 // smallest that an application has set
	SendBuffer          uint64
	LockedSendBuffer    uint64
	ReceiveScale        *uint8  // smallest window scale of this end; nil: none negotiated
	SendScale           *uint8  // of its peer
	CongestionWindow    uint64  // smallest, segments
	DeliveryRate        float64 // bytes/s
	MinRTT              float64 // seconds
	QueueLength         uint64  // of the listener, connections that wait to be accepted
	QueueLimit          uint64
}

// retransmits of established connections.
func (r *Report) retransmits() uint64 {
	n := uint64(0)
	for kind, count := range r.Retransmits {
		if Retransmit(kind) != RetransmitSYN {
			n += count
		}
	}
	return n
}

// connections is their time, in seconds.
func (r *Report) connections() float64 {
	return r.Time[Idle] + r.Time[NetworkLimited] + r.Time[ReceiveWindowLimited] + r.Time[SendBufferLimited]
}

// share of the connections' time that a phase took, 0 to 1. Shares are of wall time: a
// share of busy time alone makes every healthy local transfer look limited.
func (r *Report) share(p Phase) float64 {
	if all := r.connections(); all > 0 {
		return r.Time[p] / all
	}
	return 0
}

// attempts to connect that came to an end, but for those that their owner gave up.
func (r *Report) attempts() uint64 {
	n := r.Opened
	for failure, count := range r.Failed {
		if Failure(failure) != FailedAborted {
			n += count
		}
	}
	return n
}

// add adds the sums of another window, and takes its gauges, which are newer.
func (r *Report) add(o *Report) {
	sum := *o
	sum.Seconds += r.Seconds
	sum.Sent += r.Sent
	sum.Received += r.Received
	sum.DataSegments += r.DataSegments
	sum.Episodes += r.Episodes
	sum.Spurious += r.Spurious
	sum.OutOfOrder += r.OutOfOrder
	sum.Opened += r.Opened
	sum.ClosedByTimeout += r.ClosedByTimeout
	sum.Closed += r.Closed
	sum.ResetsSent += r.ResetsSent
	sum.ResetsReceived += r.ResetsReceived
	sum.ZeroWindowProbes += r.ZeroWindowProbes
	sum.Exchanges += r.Exchanges
	sum.Stalls += r.Stalls
	sum.StallTime += r.StallTime
	sum.Corks += r.Corks
	sum.Overflows += r.Overflows
	for i := range r.Retransmits {
		sum.Retransmits[i] += r.Retransmits[i]
	}
	for i := range r.Failed {
		sum.Failed[i] += r.Failed[i]
	}
	for i := range r.Time {
		sum.Time[i] += r.Time[i]
	}
	*r = sum
}
