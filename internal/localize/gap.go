// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package localize

import "math"

// gapTicks is how long a gap is watched before it tells anything.
const gapTicks = 6

// A Gap compares what one end of a pair sends with what arrives at the other, to tell
// which way segments are lost. Both ends are swept at different moments: what is counted
// at one only because of that comes back with the next tick, what is lost does not.
type Gap struct {
	gaps [gapTicks]float64 // cumulative, of the last ticks
	sent [gapTicks]float64 // segments of that tick
	sum  float64
	n    int
}

// Add adds a tick: segments that left one end, and that arrived at the other.
func (g *Gap) Add(sent, arrived uint64) {
	g.sum += float64(sent) - float64(arrived)
	g.gaps[g.n%gapTicks], g.sent[g.n%gapTicks] = g.sum, float64(sent)
	g.n++
}

// Lost returns how many segments were lost in the last ticks, as far as it exceeds what the
// distance of two sweeps can make of the traffic (skew, as a share of a tick). It is false
// before there are enough ticks.
func (g *Gap) Lost(skew float64) (segments float64, ok bool) {
	if g.n < gapTicks {
		return 0, false
	}
	const half = gapTicks / 2
	early, late, rate := 0., 0., 0.
	for i := range half {
		early += g.gaps[(g.n+i)%gapTicks] / half
		late += g.gaps[(g.n+half+i)%gapTicks] / half
	}
	for _, sent := range g.sent {
		rate = max(rate, sent)
	}
	drift := late - early // of the means, which are half the ticks apart
	if math.Abs(drift) <= rate*skew {
		return 0, true
	}
	return max(0, drift) * gapTicks / half, true
}
