// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

// startOf is when a point's series or delta began by the clock here. A sender whose time is ahead has its
// start ahead by as much.
func (t *Table) startOf(p *Point) uint64 {
	if p.Start > t.now.Clock {
		t.Stats.Ahead++
	}
	if p.Time > t.now.Clock {
		return p.Start - min(p.Start, p.Time-t.now.Clock)
	}
	return p.Start
}

// paced is when a point's series began by the pace. If the clock here was set, nobody says whether its sender's
// was, too: it was, unless the point would be ahead by that, or later than series are kept.
func (t *Table) paced(p *Point) uint64 {
	switch pace, clock := t.now.Pace, t.now.Clock; {
	case p.Time > max(pace, clock):
		return p.Start - min(p.Start, p.Time-pace)
	case p.Time > clock, p.Time <= pace && pace < clock && clock-p.Time > t.limits.Stale:
		return p.Start
	default:
		return after(p.Start, -t.now.set())
	}
}

// old reports whether a series may have been counted before: it may be older than the table, or as old as what
// is forgotten. What is said of one of a flow holds for all that began with it, for they are forgotten together;
// by its time alone a later one would be something else once a clock was set.
func (t *Table) old(in *Input, p *Point) bool {
	f := in.flow
	if p.Start != 0 && p.Start == f.start {
		return f.old
	}
	back := p.Start > p.Time // its sender's clock was set, nobody knows when
	t.doubt(f, p, back)
	paced := t.paced(p)
	old := back || paced <= t.start || t.graves.before(p.Start, paced, t.now.Clock)
	if p.Start > f.start {
		if f.start != 0 {
			t.Stats.Resets++
		}
		f.start, f.old = p.Start, old
	}
	return old
}

// began says that an output counts from a time on, which is not to come: the output would have to be told
// as of then, too, and stand still for as long.
func (t *Table) began(in *Input, start uint64) {
	o := in.output
	if start == 0 || start > t.now.Clock {
		start = t.now.Clock
	}
	if o.former < t.now.Clock { // else the clock was set back since
		start = max(start, o.former)
	}
	paced := after(start, -t.now.set())
	start = max(start, o.former)
	if o.Start == 0 || !o.exported && start < o.Start {
		o.Start, o.began = start, paced
	}
}
