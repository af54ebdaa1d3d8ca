// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"math"
	"math/rand/v2"

	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// clocks are by how much somebody has set them since the beginning: the processor's, or those of agents.
type clocks struct {
	whose    clockOwner
	here     float64
	furthest float64 // ahead, here
	offset   [worldClients]float64
	sets     int
	step     float64 // by how much at least (s)
}

type clockOwner int

const (
	noClock clockOwner = iota // is set
	ourClock
	agentClocks
	allClocks // as by one server of time
)

// step is by how much clocks are set: more than anything is late, or not. No two lives of a flow begin at one time by it.
func step(random *rand.Rand) float64 {
	if random.IntN(2) == 0 {
		return 7200
	}
	return 5.37 + float64(random.IntN(80))
}

// set sets a clock, or sets it right again.
func (w *world) set() {
	if w.whose == noClock || w.rand.IntN(4) > 0 {
		return
	}
	clock := &w.here
	if w.whose == agentClocks {
		clock = &w.offset[w.rand.IntN(worldClients)]
	}
	if before := *clock; before != 0 && w.rand.IntN(2) == 0 {
		*clock = 0
	} else {
		*clock = float64(w.rand.IntN(7)-3) * w.step
	}
	if w.whose == allClocks {
		for n := range w.offset {
			w.offset[n] = w.here
		}
	}
	w.furthest = max(w.furthest, w.here)
	w.sets++
}

// steady tells whether agents' clocks are not set. Where they are, gauges and deltas take a minute to follow.
func (c *clocks) steady() bool { return c.whose == noClock || c.whose == ourClock }

// instant is a moment here.
func (w *world) instant(at float64) reduce.Instant {
	now := instant(at)
	now.Clock = uint64(second(at + w.here))
	return now
}

// old tells whether what a series has counted may have been told before, by what its first point says. It is the rule of
// ARCHITECTURE: a sender goes by our clock as it was or as it is, or is ahead of both. That it keeps sums from
// counting twice is seen by what has happened.
func (w *world) old(p *parcel, at float64) bool {
	start, time, clock := p.of.start+p.of.skew, p.at+p.skew, at+w.here
	paced := start - w.here
	switch {
	case time > max(at, clock):
		paced = start - (time - at)
	case time > clock, time <= at && at < clock && clock-time > w.stale:
		paced = start
	}
	return start > time || start <= w.horizon || paced <= w.since
}

// until is up to when times of a sender are forgotten: those of before our clock was set back are not those of now.
func (w *world) until(p *parcel, at float64) float64 {
	if clock := at + w.here; w.floor > clock && p.at+p.skew <= clock {
		return math.Inf(-1)
	}
	return w.floor
}
