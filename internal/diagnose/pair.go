// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

// A History is what one end said in the last windows, oldest first; empty if nobody
// observes that end.
type History []Report

// Ticks is how many windows most rules need.
const Ticks = 3

const ticks = Ticks

// window is how far back rules with a time look, in seconds.
const window = 30.

// held tells whether a condition has held in each of the last n windows.
func (h History) held(n int, condition func(*Report) bool) bool {
	if len(h) < n {
		return false
	}
	for i := len(h) - n; i < len(h); i++ {
		if !condition(&h[i]) {
			return false
		}
	}
	return true
}

// run is for how many windows until now a condition has held.
func (h History) run(condition func(*Report) bool) int {
	n := 0
	for n < len(h) && condition(&h[len(h)-1-n]) {
		n++
	}
	return n
}

// often counts the last n windows in which a condition held.
func (h History) often(n int, condition func(*Report) bool) int {
	held := 0
	for i := max(0, len(h)-n); i < len(h); i++ {
		if condition(&h[i]) {
			held++
		}
	}
	return held
}

// last adds up the last n windows.
func (h History) last(n int) (sum Report) {
	for i := max(0, len(h)-n); i < len(h); i++ {
		sum.add(&h[i])
	}
	return sum
}

// since adds up the last windows that lie within so many seconds; at least one.
func (h History) since(seconds float64) Report { return h.last(h.within(seconds)) }

// within is how many windows lie within so many seconds; at least one, if there is any.
func (h History) within(seconds float64) int {
	n, length := 0, 0.
	for i := len(h) - 1; i >= 0 && (n == 0 || length+h[i].Seconds <= seconds); i-- {
		length += h[i].Seconds
		n++
	}
	return n
}

// A Rise is what a detector says of a series.
type Rise struct {
	Baseline, Value float64 // ratio, or seconds
	Evidence        float64 // nats
	// From and To are the same by now, where what is decided rests on what was said before; else 0.
	From, To float64
}

// now is from where to where it has risen by now.
func (r *Rise) now() (from, to float64) {
	if r.To > 0 {
		return r.From, r.To
	}
	return r.Baseline, r.Value
}

// A Pair is what one workload sends to another, as told by both ends.
type Pair struct {
	Sender, Receiver History
	// Client: the sender is who connects.
	Client bool
	// What detectors have risen on: retransmission episodes, those of them that were needless,
	// round-trip times, jitter, SYN retransmissions, resets. Nil: nothing rose.
	Loss, Needless, RTT, Jitter, SYN, Resets *Rise
	// Back is the rise of the other end's round-trip times, which are of the same way.
	Back *Rise
	// Unanswered is for how many seconds the client has waited for answers that used to come, while all that
	// it asked was acknowledged. 0: answers come, or nobody waits.
	Unanswered float64
	// Silent are the server's pods that do not answer, if others do or are asked nothing.
	Silent []string
	// Longer is the pair of pods whose shorter round trips have risen most, at both ends.
	Longer *Rise
	// Arrived is how many connections the receiver's listeners have got from anybody in the last half minute.
	Arrived uint64
	// Held: of the last half minute's round trips many, at either end, took most of the time after which a SYN is
	// sent again ([LongTrip]).
	Held bool
	// Overtaken: of the last half minute's segments some seemed to have overtaken others ([History.Overtaken]).
	Overtaken bool
}
