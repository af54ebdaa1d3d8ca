// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow

// NumLive bounds the states of an open connection: index 0 is unused, 1 is
// TCP_ESTABLISHED, 11 TCP_CLOSING.
const NumLive = 12

// A Flow is what the connections of one [Key] did since the flow began. Others
// than the [Table] only read it, and only between [Table.Seal] and the next
// [Table.Add].
type Flow struct {
	Key Key
	// Start is when the flow began: wall-clock nanoseconds since 1970. It is
	// fixed by the first [Table.Seal] and moved by no later step of the clock.
	Start uint64

	Bytes        [NumDirections]uint64 // application payload, bytes
	Segments     [NumDirections]uint64
	DataSegments [NumDirections]uint64
	Time         [NumPhases]uint64 // ns
	Exchanges    uint64            // requests with their answers
	Opened       uint64            // connections
	Closed       [NumCloseReasons]uint64
	Trouble      *Troubles // nil if there was none

	Live [NumLive]uint32 // open connections by TCP state
	// States has bit s set once a connection was seen in state s.
	States uint16

	phase    phase
	interval uint32 // in which the last delta came
	alive    uint64 // before the first Seal Delta.Since, then the last sign of life on CLOCK_MONOTONIC

	Now Gauges

	Setup         *Histogram // µs from SYN to establishment; nil if there was none
	Duration      *Histogram // µs from establishment to close; nil if none was closed
	RTT           Histogram  // µs
	RTTVariation  Histogram  // µs
	ReceiveWindow Histogram  // bytes
	SendWindow    Histogram  // bytes
}

// Ended reports whether the flow's final totals were exported: what follows is
// the mark that no more values come.
func (f *Flow) Ended() bool { return f.phase == ended }

// Connections is the number of open connections.
func (f *Flow) Connections() uint64 { return total(f.Live[:]) }

func (f *Flow) add(d *Delta, interval uint32) {
	if f.Start == 0 {
		f.alive = min(f.alive, d.Since) // 0 is unknown: the earliest possible
	}
	addAll(f.Bytes[:], d.Bytes[:])
	addAll(f.Segments[:], d.Segments[:])
	addAll(f.DataSegments[:], d.DataSegments[:])
	addAll(f.Closed[:], d.Closed[:])
	addAll(f.Time[:], d.Time[:])
	f.Opened += d.Opened
	f.Exchanges += d.Exchanges
	f.addTrouble(d)
	addRare(&f.Setup, &d.Setup)
	addRare(&f.Duration, &d.Duration)
	f.RTT.add(&d.RTT)
	f.RTTVariation.add(&d.RTTVariation)
	f.ReceiveWindow.add(&d.ReceiveWindow)
	f.SendWindow.add(&d.SendWindow)
	if f.interval != interval {
		f.interval = interval
		f.Live, f.Now = [NumLive]uint32{}, Gauges{}
	}
	f.Now.add(&d.Now)
	f.addLive(&d.Live)
}

func (f *Flow) addTrouble(d *Delta) {
	if d.Trouble == (Trouble{}) {
		return
	}
	if f.Trouble == nil {
		f.Trouble = new(Troubles)
	}
	f.Trouble.add(&d.Trouble)
	f.Trouble.explain(d.ResetReasons)
}

// addRare adds to a histogram that most flows do not have.
func addRare(h **Histogram, s *Sample) {
	if s.Zero == 0 && s.Counts == nil {
		return
	}
	if *h == nil {
		*h = new(Histogram)
	}
	(*h).add(s)
}

// addLive adds to the gauges instead of replacing them: an overflow flow takes
// in several deltas an interval.
func (f *Flow) addLive(live *[NumStates]uint32) {
	for state, count := range live {
		if count == 0 {
			continue
		}
		state = namedState(state)
		f.Live[state] += count
		f.States |= 1 << state
	}
}

// namedState maps the kernel's internal states to those that have a name:
// TCP_NEW_SYN_RECV (12) is a handshake under way, TCP_BOUND_INACTIVE (13) a
// socket without a connection.
func namedState(state int) int {
	const synReceived, closed, newSynReceived = 3, 7, 12
	switch {
	case state < NumLive:
		return state
	case state == newSynReceived:
		return synReceived
	default:
		return closed
	}
}

func addAll(sums, values []uint64) {
	for i, value := range values {
		sums[i] += value
	}
}

func total[T uint32 | uint64](counts []T) (sum uint64) {
	for _, count := range counts {
		sum += uint64(count)
	}
	return sum
}
