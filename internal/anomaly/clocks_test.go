// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// clocks are by how much somebody has set them since the beginning: the processor's, or those of agents. It is more
// than anything is late, and less than nothing may be too: how fast things come is not told by it.
type clocks struct {
	whose    clockOwner
	here     float64
	furthest float64 // ahead, here
	offset   [worldClients]float64
	sets     int
}

type clockOwner int

const (
	noClock clockOwner = iota // is set
	ourClock
	agentClocks
	allClocks // as by one server of time
)

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
		*clock = float64(w.rand.IntN(7)-3) * 7200
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
