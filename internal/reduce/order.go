// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import "time"

const (
	// ahead is how far a sender's clock may be ahead (ns).
	ahead = uint64(time.Minute)
	// behind is for how long (ns) a sender's clock has to go on behind what it said before, if it was set back.
	behind = uint64(time.Minute)
	// swing is by how much (ns) what a sender sends takes longer or less long than before by itself.
	swing = int64(2 * time.Second)
)

// An overtaking is the first of points that came after later ones of their flow.
type overtaking struct {
	time uint64 // by its sender's clock
	at   uint64 // when it came, by the pace
}

// Overtaken reports whether a point of a time comes after a later one of its flow. Else its time is the
// flow's latest. A point of a clock that was set back is not overtaken: gauges would stand still, and ends be missed,
// until that clock has caught up.
func (t *Table) Overtaken(f *Flow, time uint64) bool {
	if time != f.Latest {
		t.heed(f, time)
	}
	switch {
	case time >= f.Latest || t.wasAhead(f, time):
	case t.setBack(f, time):
		f.sets++
	default:
		return true
	}
	f.Latest, f.overtaken = time, overtaking{}
	return false
}

// heed takes note of how long what a flow's sender sends takes, by its clock and the pace here. If that changes, or it sends
// faster than anything does, something was kept back, or the clock was set.
func (t *Table) heed(f *Flow, at uint64) {
	lag := int64(t.now.Pace - at)
	change := lag - f.lag
	if f.Latest != 0 && (change > swing || change < -swing || at-f.Latest < uint64(time.Second)) {
		f.swung = t.now.Pace
	}
	f.lag = lag
}

// steady reports whether what a flow's sender sent in the last minute took as long as ever.
func (t *Table) steady(f *Flow) bool { return f.swung == 0 || t.now.Pace-f.swung > behind }

// wasAhead reports whether a flow's sender's clock was ahead, for its latest point or for long, by a point that is not. It may
// be late all the same, so deltas are not taken for new ones.
func (t *Table) wasAhead(f *Flow, time uint64) bool {
	most := max(t.now.Clock, t.now.Pace) + ahead // the clock here may have been set, not the sender's
	return f.Latest > most && time <= most
}

// setBack reports whether a flow's sender's clock was set back, by a point that is earlier than its latest:
// what is sent goes on with the time from an earlier one on, and nothing later comes. What was kept
// back somewhere comes faster, or out of order.
func (t *Table) setBack(f *Flow, time uint64) bool {
	first, now := f.overtaken, t.now.Pace
	if first.at != 0 && time > first.time {
		switch passed, elapsed := time-first.time, now-first.at; {
		case passed > elapsed+behind/2: // a backlog: what follows is not told from it
		case elapsed < behind:
			return false
		case atPace(passed, elapsed):
			return true
		}
	}
	f.overtaken = overtaking{time, now}
	return false
}

// doubt takes note that times of a flow may not tell what came first: that was seen, or its sender's clock is ahead, or
// behind by more than series are kept, or the clock here was set, as its sender's may have been.
func (t *Table) doubt(f *Flow, p *Point, seen bool) {
	f.stepped = f.stepped || seen || t.set || p.Time > t.now.Clock+ahead || p.Time+t.limits.Stale < t.now.Clock
}

// late reports whether a point has been overtaken by another of its series. One that is later than all of the
// flow is of before its clock was set back.
func (in *Input) late(p *Point) bool { return p.Time < in.time && in.time <= in.flow.Latest }

// again reports whether a series that has ended is there again.
func (in *Input) again(p *Point) bool { return p.Time > in.ended || in.ended > in.flow.Latest }
