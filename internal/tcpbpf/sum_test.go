// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import "github.com/tcpwhy/tcpwhy/internal/flow"

// A sum is what deltas add up to.
type sum struct {
	Bytes, Segments, DataSegments [flow.NumDirections]uint64
	Time                          [flow.NumPhases]uint64 // ns
	Exchanges, Opened             uint64
	Closed                        [flow.NumCloseReasons]uint64
	Failed                        [flow.NumFailures]uint64
	Live                          [flow.NumStates]uint64 // of the last interval

	Retransmits                                  uint64
	Kinds                                        [flow.NumRetransmitKinds]uint64 // of these
	Episodes, Spurious, OutOfOrder               uint64
	Probes, Stalls, StallTime, Corks             uint64
	Overflows                                    uint64
	Resets                                       [flow.NumDirections]uint64
	RTT, RTTVariation, ReceiveWindow, SendWindow uint64 // samples
	Setups, Lives                                uint64 // samples
	RTTTime, SetupTime, Lifetime                 uint64 // their sums, µs
}

// closed is the number of connections that ended, for whatever reason.
func (s *sum) closed() (n uint64) { return total(s.Closed[:]) }

// wall is how long connections were open, ns.
func (s *sum) wall() (ns uint64) { return total(s.Time[:]) }

func (s *sum) add(o *sum) {
	addEach(s.Bytes[:], o.Bytes[:])
	addEach(s.Segments[:], o.Segments[:])
	addEach(s.DataSegments[:], o.DataSegments[:])
	addEach(s.Time[:], o.Time[:])
	addEach(s.Closed[:], o.Closed[:])
	addEach(s.Failed[:], o.Failed[:])
	addEach(s.Live[:], o.Live[:])
	addEach(s.Kinds[:], o.Kinds[:])
	addEach(s.Resets[:], o.Resets[:])
	numbers := o.numbers()
	for i, n := range s.numbers() {
		*n += *numbers[i]
	}
}

// numbers are the fields that are one number each.
func (s *sum) numbers() []*uint64 {
	return []*uint64{
		&s.Exchanges, &s.Opened, &s.Retransmits, &s.Episodes, &s.Spurious, &s.OutOfOrder,
		&s.Probes, &s.Stalls, &s.StallTime, &s.Corks, &s.Overflows,
		&s.RTT, &s.RTTVariation, &s.ReceiveWindow, &s.SendWindow,
		&s.Setups, &s.Lives, &s.RTTTime, &s.SetupTime, &s.Lifetime,
	}
}

// sumOf converts a delta.
func sumOf(d *flow.Delta) sum {
	s := sum{
		Bytes: d.Bytes, Segments: d.Segments, DataSegments: d.DataSegments,
		Time: d.Time, Exchanges: d.Exchanges, Opened: d.Opened, Closed: d.Closed,
		RTT: samples(d.RTT), RTTVariation: samples(d.RTTVariation),
		ReceiveWindow: samples(d.ReceiveWindow), SendWindow: samples(d.SendWindow),
		Setups: samples(d.Setup), Lives: samples(d.Duration),
		RTTTime: d.RTT.Sum, SetupTime: d.Setup.Sum, Lifetime: d.Duration.Sum,
	}
	s.suffer(&d.Trouble)
	for state, n := range d.Live {
		s.Live[state] = uint64(n)
	}
	return s
}

// suffer takes over what went wrong.
func (s *sum) suffer(t *flow.Trouble) {
	s.Retransmits, s.Kinds, s.Failed, s.Resets = total(t.Retransmits[:]), t.Retransmits, t.Failed, t.Resets
	s.Episodes, s.Spurious, s.OutOfOrder = t.Episodes, t.Spurious, t.OutOfOrder
	s.Probes, s.Stalls, s.StallTime, s.Corks = t.Probes, t.Stalls, t.StallTime, t.Corks
	s.Overflows = t.Overflows
}

func addEach(sums, values []uint64) {
	for i, v := range values {
		sums[i] += v
	}
}

func total(counts []uint64) (sum uint64) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

func samples(s flow.Sample) uint64 {
	n := uint64(s.Zero)
	for _, count := range s.Counts {
		n += uint64(count)
	}
	return n
}
