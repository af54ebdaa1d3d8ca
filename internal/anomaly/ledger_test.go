// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import "math"

// A ledger is what a processor has to know by what it was told, by the rules of its
// README: what is silent for longer than stale leaves, what is for longer than gap is
// forgotten, and what may be older than what is forgotten counts from its first point on.
type ledger struct {
	stale, gap float64
	heard      map[flowID]float64 // in all its lives
	queues     map[flowID]*queue
	horizon    float64 // of starts
	floor      float64 // of deltas
	since      float64 // what began before is a baseline, by the pace

	baselines, forgotten uint64 // as the processor has to count them
	resumed              int
	moved                int // flows that counted for several
}

// An account is what the ledger says of one life of a flow.
type account struct {
	state   state
	left    float64          // when it left
	last    *counter         // nil: it is not known
	seen    map[float64]bool // deltas
	newest  float64          // when a point was sent
	latest  float64          // what a point said of that
	old     *bool            // nil: it was not asked
	floor   float64
	counted map[sumKey]*truth
	lost    *truth
}

func newAccount() *account {
	return &account{latest: math.Inf(-1), counted: make(map[sumKey]*truth), lost: newTruth(), seen: make(map[float64]bool)}
}

type state int

const (
	unknown state = iota
	current
	silent
)

// enter enters a parcel that is handed over at a time.
func (w *world) enter(p *parcel, at float64) {
	c := p.of
	if p.end {
		if c.state == current || !c.listens && w.lives(c.flowID) { // its gauge is one in all its lives
			w.heard[c.flowID] = at
		}
		w.endQueue(c.flowID, p.at)
		return
	}
	w.heard[c.flowID] = at
	w.enterQueue(p)
	counted := sumOf(c.counted, w.key(c, p.at)) // of who was there then
	was := c.state
	c.state = current
	if was == silent {
		w.resumed++
	}
	if w.delta {
		w.enterDelta(c, p, was, counted, at)
		return
	}
	if c.last == nil && c.old == nil {
		old := w.old(p, at)
		c.old = &old
	}
	w.enterTotal(c, p, counted, at)
	c.latest = max(c.latest, p.at+p.skew)
}

func (w *world) enterTotal(c *counter, p *parcel, counted *truth, at float64) {
	switch {
	case c.last == nil && *c.old && p.at+p.skew <= w.until(p, at):
		w.forgotten += c.series()
		if p.at > c.newest {
			c.lose(&p.told)
			c.newest = p.at
		}
		return
	case c.last == nil && *c.old:
		w.baselines += c.series()
		c.lose(&p.told)
	case c.last == nil:
		counted.add(&p.told, 1)
	case p.at > c.newest:
		counted.add(&p.told, 1)
		counted.add(c.last, -1)
	default:
		return
	}
	c.last, c.newest = &p.told, p.at
}

// lose gives up what is told and not counted.
func (c *counter) lose(told *counter) {
	c.lost = newTruth()
	c.lost.add(told, 1)
	for _, counted := range c.counted {
		c.lost.plus(counted, -1)
	}
}

func (w *world) enterDelta(c *counter, p *parcel, was state, counted *truth, at float64) {
	known := c.seen[p.at]
	if was == unknown {
		c.floor = w.until(p, at)
	}
	switch {
	case p.at <= c.floor:
		w.forgotten += c.series()
		if !known {
			c.lost.add(&p.told, 1)
		}
	case !known:
		counted.add(&p.told, 1)
	}
	c.seen[p.at] = true
	c.newest = max(c.newest, p.at)
	c.latest = c.newest
}

// pass says that an interval ends.
func (w *world) pass(at float64) {
	for _, c := range w.flows {
		if c.state == current && w.heard[c.flowID]+w.stale < at {
			c.state, c.left, c.old = silent, w.heard[c.flowID], nil
			delete(w.queues, c.flowID) // nothing is remembered of a gauge
		}
	}
	for _, c := range w.flows {
		if c.state == silent && c.left+w.gap < at {
			c.state, c.last = unknown, nil
			if start := c.start + c.skew; start <= c.left+w.furthest {
				w.horizon = max(w.horizon, start)
			} else { // of a clock that is ahead
				w.since = max(w.since, c.left)
			}
			w.floor = max(w.floor, min(c.latest, c.left+w.furthest))
		}
	}
}

// sums returns what has to be told, and, by what stays the same of flows, what is lost and
// what has happened.
func (w *world) sums() (counted, lost, happened map[sumKey]*truth) {
	counted, lost, happened = make(map[sumKey]*truth), make(map[sumKey]*truth), make(map[sumKey]*truth)
	entered := make(map[*account]bool)
	for _, c := range w.flows {
		flow := w.key(c, c.start).flow()
		sumOf(happened, flow).add(c, 1)
		if !entered[c.account] {
			entered[c.account] = true
			if len(c.counted) > 1 {
				w.moved++
			}
			for key, sum := range c.counted {
				sumOf(counted, key).plus(sum, 1)
			}
			sumOf(lost, flow).plus(c.lost, 1)
		}
	}
	return counted, lost, happened
}

func sumOf(sums map[sumKey]*truth, key sumKey) *truth {
	if sums[key] == nil {
		sums[key] = newTruth()
	}
	return sums[key]
}
