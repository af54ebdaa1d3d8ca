// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import "cmp"

// Begin begins the end of an interval: it forgets inputs of which nothing was heard for
// too long, and merges gauges. It calls forget for each flow that has no input any more.
func (t *Table) Begin(now Instant, forget func(*Flow)) {
	t.Advance(now)
	for _, o := range t.outputs {
		if o.Shape == ShapeGauge {
			o.gauges = 0
		}
	}
	buried := len(t.graves.order)
	for _, s := range t.slabs {
		for i := range s {
			switch in := &s[i]; {
			case in.flow == nil:
			case in.flow.Received+t.limits.Stale < t.now.Pace:
				t.forget(in, forget)
			case in.fresh():
				in.output.mergeGauge(in.number)
			}
		}
	}
	t.graves.settle(buried)
	t.graves.expire(t.now.Pace - min(t.limits.Gap, t.now.Pace))
	t.lives.expire(t.now.Clock-min(t.limits.Gap, t.now.Clock), t.limits.Outputs)
}

func (t *Table) forget(in *Input, forget func(*Flow)) {
	if in.output != nil && in.ended == 0 {
		t.leave(in)
	}
	t.refute(in)
	if in.shape != ShapeGauge {
		t.graves.bury(in)
	}
	delete(t.inputs, in.key)
	if in.flow.inputs--; in.flow.inputs == 0 {
		forget(in.flow)
	}
	*in = Input{}
	t.free = append(t.free, in)
}

// A Value is what an output tells at the end of an interval. Its slices are valid until
// the next point is added.
type Value struct {
	Start       uint64
	Ended       bool // there is no value any more
	Number      Number
	Explicit    Explicit
	Exponential Exponential
}

// Read tells the value of an output. It returns false if there is nothing to tell.
func (t *Table) Read(o *Output, v *Value) bool {
	o.ending = o.live == 0 && o.left+t.limits.Stale < t.now.Pace && o.accepted == o.growths
	o.read, o.readAt = o.growths, t.now.Pace
	v.Start, v.Ended = o.Start, false
	switch {
	case o.Shape == ShapeGauge:
		return o.readGauge(v)
	case o.Start == 0:
		return false
	}
	o.exported = true
	switch {
	case o.ending:
		return t.Close(o, v)
	case t.delta:
		o.grew = o.readDelta(v)
		v.Start = t.now.clock(cmp.Or(o.since, o.began))
		return o.grew
	}
	l := o.level()
	v.Number, v.Explicit, v.Exponential = l.total.Number(), l.explicit, l.exponential
	return true
}

// Close tells that an output has no value any more, whatever its inputs have. It returns
// false if it never told one.
func (t *Table) Close(o *Output, v *Value) bool {
	v.Start, v.Ended = o.Start, true
	if o.Shape == ShapeExplicit { // with memory of its own: the next difference is written into it
		v.Explicit = Explicit{Bounds: o.explicit.bounds.values, Counts: make([]uint64, len(o.explicit.counts))}
	}
	switch {
	case o.Shape == ShapeGauge:
		v.Start = 0
		return o.shown
	case t.delta:
		v.Start = t.now.clock(cmp.Or(o.since, o.began))
		return o.shown
	}
	return o.exported
}

func (o *Output) readGauge(v *Value) bool {
	v.Start = 0
	v.Number = o.total.Number()
	v.Ended = o.gauges == 0
	return !v.Ended || o.shown
}

// Accepted says that what was last read of an output has arrived. One that has ended,
// because it had no input for too long, is forgotten: it returns false.
func (t *Table) Accepted(o *Output) bool {
	o.accepted = o.read
	if o.ending && o.live == 0 && o.accepted == o.growths {
		delete(t.outputs, o.key)
		o.gone = true
		if o.exported {
			t.lives.ended(o.key, max(t.now.Clock, o.Start+1)) // the next life has another start
		}
		if o.overflow {
			t.overflows--
		}
		return false
	}
	if o.Shape == ShapeGauge {
		o.shown = o.gauges > 0
	} else if t.delta {
		o.shown = o.shown || o.grew
		o.told, o.telling = o.telling, o.told
		o.since = o.readAt // what came meanwhile is of the next one
	}
	return true
}
