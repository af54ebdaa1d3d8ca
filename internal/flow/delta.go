// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"math"
	"slices"
)

// A Direction is seen from the observed socket.
type Direction uint8

// Directions, as indices of per-direction counters.
const (
	Transmit Direction = iota
	Receive
	NumDirections
)

// A CloseReason says what ended an established connection.
type CloseReason uint8

// Close reasons. Values are those of the kernel side.
const (
	CloseFIN           CloseReason = iota // both ends closed in order
	CloseResetSent                        // this end aborted
	CloseResetReceived                    // the peer's RST arrived
	CloseTimeout                          // retransmissions or keepalives went unanswered
	NumCloseReasons
)

// NumStates bounds the kernel's TCP states, TCP_ESTABLISHED (1) to
// TCP_BOUND_INACTIVE (13); index 0 is unused.
const NumStates = 14

// A Delta is what one flow did in one interval, and what its live sockets
// looked like at the interval's last sweep.
type Delta struct {
	Key Key
	// Serial is 0, or the number of a single connection whose peer may stand for
	// somebody else: its key has both ports, whatever the granularity, and what the
	// granularity leaves of it comes back when it is known who that is.
	Serial uint16
	// Namespace is the inode of the network namespace of such a connection, as long as
	// it is new: in later intervals it may be another connection's.
	Namespace uint32
	// Since is when the first of the connections seen in this interval was
	// established: nanoseconds of CLOCK_MONOTONIC, 0 if unknown.
	Since uint64

	Bytes        [NumDirections]uint64 // application payload, bytes
	Segments     [NumDirections]uint64
	DataSegments [NumDirections]uint64
	Time         [NumPhases]uint64 // ns
	Exchanges    uint64            // requests with their answers
	Opened       uint64            // connections
	Closed       [NumCloseReasons]uint64
	Trouble      Trouble
	// ResetReasons says why RSTs were sent, of those in Trouble of which the kernel
	// tells. It is the producer's, and valid only during the call it is passed to.
	ResetReasons []ResetReason

	Live [NumStates]uint32 // open connections by TCP state
	Now  Gauges

	Setup         Sample // µs from SYN to establishment
	Duration      Sample // µs from establishment to close
	RTT           Sample // µs
	RTTVariation  Sample // µs, the kernel's tcpi_rttvar
	ReceiveWindow Sample // bytes
	SendWindow    Sample // bytes
}

// Clone returns a copy that shares nothing with its producer.
func (d *Delta) Clone() *Delta {
	c := *d
	c.ResetReasons = slices.Clone(d.ResetReasons)
	for _, s := range []*Sample{&c.Setup, &c.Duration, &c.RTT, &c.RTTVariation, &c.ReceiveWindow, &c.SendWindow} {
		s.Counts = slices.Clone(s.Counts)
	}
	return &c
}

// A Sample is an interval's distribution. Counts[i] holds the values whose
// upper bound is that of bucket Layout.First+i. Counts may be shared with the
// producer and is valid only during the call it is passed to.
type Sample struct {
	Zero   uint32   // values equal to 0
	Counts []uint32 // nil if there was no sample other than 0
	Sum    uint64   // in the kernel's unit, µs or bytes
}

// A Layout describes the buckets of a histogram in OTLP's terms: bucket index i
// holds values in (base^i, base^(i+1)] of the metric's unit, with
// base = 2^(2^-Scale).
type Layout struct {
	Scale int32
	First int32   // OTLP index of the first bucket
	Count int     // number of buckets
	Unit  float64 // the kernel's unit in the metric's unit
}

// RTTLayout holds numbers of microseconds: quarter powers of two of one second. Its
// first bucket ends at 2^(-79/4) s = 1.13 µs, its last at 2^(47/4) s = 3444 s; no
// connection lives through a longer round trip.
var RTTLayout = Layout{Scale: 2, First: -80, Count: 127, Unit: 1e-6}

// WindowLayout holds numbers of bytes: powers of two of one byte. Its first bucket
// ends at 1 B, its last at 2^30 B; TCP's largest window is 65535 << 14.
var WindowLayout = Layout{Scale: 0, First: -1, Count: 31, Unit: 1}

// SetupLayout holds numbers of microseconds: powers of two of one second, from
// 2^-19 s (1.9 µs) to 2^11 s.
var SetupLayout = Layout{Scale: 0, First: -20, Count: 31, Unit: 1e-6}

// DurationLayout holds numbers of microseconds: powers of two of one second, from
// 2^-7 s (7.8 ms) to 2^23 s (97 days), and in the last bucket also what is longer.
var DurationLayout = Layout{Scale: 0, First: -8, Count: 31, Unit: 1e-6}

// UpperBound is the inclusive upper bound of the i-th bucket in the kernel's
// unit. An integer v is in the bucket if v <= floor(UpperBound(i)) and in none
// before.
func (l Layout) UpperBound(i int) float64 {
	exponent := float64(int(l.First)+i+1) / float64(int(1)<<l.Scale)
	return math.Exp2(exponent) / l.Unit
}
