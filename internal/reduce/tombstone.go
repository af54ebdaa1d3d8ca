// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import (
	"cmp"
	"slices"
)

// A tombstone is what is kept of an input that was silent for too long: its last value,
// so that it goes on where it was if it comes back.
type tombstone struct {
	start, time uint64
	heard       uint64 // when its last point was received, by the pace
	number      Number
	explicit    *Explicit
	exponential *Exponential
	recent      *recent // of deltas
}

// A burial is when an input got its tombstone. One that is not its tombstone's any more
// means nothing: the input came back.
type burial struct {
	key   Key
	heard uint64
}

// A graveyard has tombstones. They take the room that inputs leave.
type graveyard struct {
	stones map[Key]tombstone
	order  []burial // the oldest first
	first  int      // of order

	// What nothing is known of any more: series that started until the horizon may be
	// among it, and so may their points of until the floor, by their senders' clocks. Those of senders whose clocks were ahead
	// were heard of, by the pace.
	horizon, floor, heard uint64
	last                  uint64 // when the last of them was heard of, by the pace
	set                   int64  // by how much the clock here was ever ahead of the pace
}

// bury adds a tombstone. Those of one interval are sorted by settle.
func (g *graveyard) bury(in *Input) {
	g.stones[in.key] = tombstone{
		start: in.start, time: in.time, heard: in.flow.Received,
		number: in.number, explicit: in.explicit, exponential: in.exponential, recent: in.recent,
	}
	g.order = append(g.order, burial{in.key, in.flow.Received})
}

// settle sorts what was buried at the end of an interval. What was buried before that
// was heard of before, too.
func (g *graveyard) settle(since int) {
	slices.SortFunc(g.order[since:], func(a, b burial) int { return cmp.Compare(a.heard, b.heard) })
}

// exhume returns an input's tombstone, which is none any more.
func (g *graveyard) exhume(key Key) (tombstone, bool) {
	stone, ok := g.stones[key]
	if ok {
		delete(g.stones, key)
	}
	return stone, ok
}

// expire drops tombstones of inputs last heard of before a time of the pace.
func (g *graveyard) expire(before uint64) {
	for g.first < len(g.order) && g.order[g.first].heard < before {
		g.drop()
	}
}

// shrink drops the oldest tombstones until there are so many.
func (g *graveyard) shrink(to int) {
	for len(g.stones) > to {
		g.drop()
	}
}

// drop drops the oldest tombstone. A time counts up to when it was heard of, or one
// sender whose clock is ahead would make all that is new doubtful: ahead of what the clock here can have said then.
func (g *graveyard) drop() {
	oldest := g.order[g.first]
	if g.first++; g.first > len(g.order)/2 {
		g.order, g.first = append(g.order[:0], g.order[g.first:]...), 0
	}
	stone, ok := g.stones[oldest.key]
	if !ok || stone.heard != oldest.heard {
		return
	}
	delete(g.stones, oldest.key)
	clock := after(stone.heard, g.set)
	g.floor = max(g.floor, min(stone.time, clock))
	g.last = max(g.last, stone.heard)
	if stone.start <= clock {
		g.horizon = max(g.horizon, stone.start)
	} else {
		g.heard = max(g.heard, stone.heard)
	}
}

// resume lets an input go on where it was.
func (in *Input) resume(stone tombstone) {
	in.back, in.time = true, stone.time
	in.number, in.explicit, in.exponential = stone.number, stone.explicit, stone.exponential
	if stone.recent != nil {
		in.recent = stone.recent
	}
}

// until is up to when times are not remembered, by the clock of who sends a time. What all clocks said before they were set
// back says nothing of what is sent by the new one.
func (g *graveyard) until(time, clock uint64) uint64 {
	if g.floor > clock && time <= clock {
		return 0
	}
	return g.floor
}

// before reports whether a series may have been counted by one that was dropped: it started at a time by its sender's clock,
// and at one by the pace.
func (g *graveyard) before(start, paced, clock uint64) bool {
	if g.horizon > clock && start <= clock {
		return paced <= max(g.last, g.heard)
	}
	return start <= g.horizon || paced <= g.heard
}
