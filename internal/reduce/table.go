// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

// A Key identifies a series: a keyed hash of 128 bits. That two series have one is less
// likely than a failure of the machine.
type Key [2]uint64

// Limits bound a table.
type Limits struct {
	Inputs, Outputs int
	// Stale is how long (ns) a series is kept that nothing more was heard of.
	Stale uint64
	// Gap is how long (ns) the last value of an input is remembered after it was heard
	// of, as long as there is room for it among the inputs.
	Gap uint64
}

// A Table holds inputs and outputs.
type Table struct {
	Stats Stats

	limits Limits
	start  uint64 // by the pace: older series are baselines
	now    Instant
	set    bool // the clock was, some time
	delta  bool // what leaves

	inputs    map[Key]*Input
	last      *Input // that was found or made
	slabs     []*slab
	free      []*Input
	graves    graveyard // of inputs
	falls     map[*Input]*fall
	outputs   map[Key]*Output
	overflows int // outputs beyond the limit
	lives     lives
	grown     Point
	growth    Growth // of the last point
	grew      bool   // it had any
}

// NewTable makes an empty table at a time. Delta says what its outputs are to tell.
func NewTable(limits Limits, start Instant, delta bool) *Table {
	return &Table{
		limits: limits, start: start.Pace, now: start, delta: delta,
		inputs: make(map[Key]*Input), outputs: make(map[Key]*Output), falls: make(map[*Input]*fall),
		graves: graveyard{stones: make(map[Key]tombstone)}, lives: lives{ends: make(map[Key]uint64)},
	}
}

// Advance sets the time at which points come. The pace only goes forward.
func (t *Table) Advance(now Instant) {
	t.now = Instant{Pace: max(t.now.Pace, now.Pace), Clock: now.Clock}
	t.graves.set = max(t.graves.set, t.now.set())
	t.set = t.set || t.now.set() != 0
}

// Len returns the numbers of inputs and outputs.
func (t *Table) Len() (inputs, outputs int) { return len(t.inputs), len(t.outputs) }

// Input returns a series that is there, or nil. As a rule series come in the order of the
// last interval, so the one that came next then is tried before the others.
func (t *Table) Input(key Key) *Input {
	if t.last != nil {
		if next := t.last.next; next != nil && next.key == key && next.flow != nil {
			t.last = next
			return next
		}
	}
	in := t.inputs[key]
	if in != nil {
		t.came(in)
	}
	return in
}

// came notes which input follows the last one.
func (t *Table) came(in *Input) {
	if t.last != nil {
		t.last.next = in
	}
	t.last = in
}

// Room reports whether there is room for one more input. If there is none it counts a
// point as refused.
func (t *Table) Room() bool {
	if len(t.inputs) < t.limits.Inputs {
		return true
	}
	t.Stats.Refused++
	return false
}

// NewInput remembers a series that its point is the first of, or the first one after it
// was silent for long.
func (t *Table) NewInput(key Key, flow *Flow, p *Point) *Input {
	in := t.room()
	*in = Input{key: key, flow: flow, shape: p.Shape, delta: p.Delta, start: p.Start, generation: flow.Generation - 1}
	if p.Delta && p.Shape != ShapeGauge {
		in.recent = &recent{floor: t.graves.until(p.Time, t.now.Clock)}
	}
	if stone, ok := t.graves.exhume(key); ok {
		in.resume(stone)
	}
	t.graves.shrink(max(0, t.limits.Inputs-len(t.inputs)-1))
	flow.inputs++
	t.inputs[key] = in
	t.came(in)
	return in
}

// A slab is room for inputs, which are looked through at each interval.
type slab [256]Input

func (t *Table) room() *Input {
	if len(t.free) == 0 {
		s := new(slab)
		t.slabs = append(t.slabs, s)
		for i := range s {
			t.free = append(t.free, &s[i])
		}
	}
	in := t.free[len(t.free)-1]
	t.free = t.free[:len(t.free)-1]
	return in
}

// Output returns a series that is there, or nil.
func (t *Table) Output(key Key) *Output { return t.outputs[key] }

// Full reports whether a further series has to be added to one for overflow.
func (t *Table) Full() bool { return len(t.outputs)-t.overflows >= t.limits.Outputs }

// Split reports whether there is room for a further series for overflow that tells what splits its metric.
func (t *Table) Split() bool { return t.overflows < mostSplit }

// mostSplit bounds those, for what splits a metric may be any text.
const mostSplit = 1000

// A Design says what kind of output to make.
type Design struct {
	Shape    Shape
	Merge    Merge
	Bounds   *Bounds // of an explicit histogram
	Overflow bool    // does not count towards the limit
	Label    any
}

// NewOutput makes a series. It starts when its first point tells.
func (t *Table) NewOutput(key Key, d Design) *Output {
	o := &Output{key: key, Shape: d.Shape, Label: d.Label, merge: d.Merge, overflow: d.Overflow, left: t.now.Pace, former: t.lives.end(key)}
	switch d.Shape {
	case ShapeExplicit:
		o.explicit = newExplicitTotal(d.Bounds)
	case ShapeExponential:
		o.exponential = new(exponentialTotal)
	}
	if d.Overflow {
		t.overflows++
	}
	t.outputs[key] = o
	return o
}

// Bind lets an input add to an output from now on. What it has added elsewhere stays
// there.
func (t *Table) Bind(in *Input, o *Output) {
	in.generation = in.flow.Generation
	if in.output == o {
		return
	}
	if in.ended == 0 {
		if in.output != nil {
			t.leave(in)
		}
		o.live++
	}
	in.output = o
}

// AddAt adds a point to another output than the input's own, which stays what it is.
func (t *Table) AddAt(o *Output, in *Input, p *Point) *Growth {
	own, generation := in.output, in.generation
	if own == nil || own.gone {
		generation = in.flow.Generation - 1 // it gets its own with the next point
	}
	t.Bind(in, o)
	growth := t.Add(in, p)
	if own != nil && !own.gone {
		t.Bind(in, own)
	}
	in.generation = generation
	return growth
}

func (t *Table) leave(in *Input) {
	in.output.live--
	in.output.left = t.now.Pace
}

// Add adds a valid point of an input that is bound to an output. It returns what has
// happened since the point before; nil if nothing has, or that is not known, or the point
// before is too long ago for it to be news.
func (t *Table) Add(in *Input, p *Point) *Growth {
	t.grew = false
	t.add(in, p)
	old := in.back
	in.back = false
	if !t.grew || old {
		return nil
	}
	return &t.growth
}

func (t *Table) add(in *Input, p *Point) {
	if in.output.overflow {
		t.Stats.Overflow++
	}
	switch {
	case p.Ended:
		t.end(in, p)
		return
	case in.ended != 0 && in.again(p):
		in.ended = 0
		in.output.live++
	}
	switch {
	case p.Shape == ShapeGauge:
		t.addGauge(in, p)
	case p.Delta:
		t.addDelta(in, p)
	case in.time == 0:
		t.addFirst(in, p)
	default:
		t.addNext(in, p)
	}
}

func (t *Table) end(in *Input, p *Point) {
	switch {
	case in.late(p):
	case in.ended == 0:
		in.ended = max(p.Time, 1)
		t.leave(in)
	default: // again: what came between both has ended, too
		in.ended = max(in.ended, p.Time)
	}
}

func (t *Table) addGauge(in *Input, p *Point) {
	switch {
	case in.late(p):
		t.Stats.Late++
	case p.Time == in.time && p.Number.compare(in.number) == 0:
		t.Stats.Duplicate++
	default:
		in.remember(p)
	}
}

func (t *Table) addDelta(in *Input, p *Point) {
	in.recent.follow(in.flow.sets)
	switch {
	case in.recent.contains(p.Time):
		t.Stats.Duplicate++
		return
	case in.recent.forgot(p.Time):
		t.Stats.Forgotten++
		return
	case in.late(p):
		t.Stats.Late++
	}
	in.recent.add(p.Time)
	in.time = max(in.time, p.Time)
	t.began(in, t.startOf(p))
	t.grow(in, p, p, nil)
}

// addFirst adds the first point of a cumulative series.
func (t *Table) addFirst(in *Input, p *Point) {
	start := t.startOf(p)
	if t.old(in, p) {
		if p.Time <= t.graves.until(p.Time, t.now.Clock) {
			t.Stats.Forgotten++ // or a later value may have been counted already
			return
		}
		t.Stats.Baselines++
		t.began(in, p.Time)
		in.remember(p)
		return
	}
	t.began(in, start)
	t.grow(in, p, p, nil)
	in.remember(p)
}

// addNext adds a further point. Values of one start grow, so the greater one is the
// later one whatever its time says, for a clock may have been set back. One that is smaller, and later than all
// before, may be of a source that does not tell that it began anew, unless times of the flow say nothing.
func (t *Table) addNext(in *Input, p *Point) {
	order := in.compare(p, &t.grown)
	t.doubt(in.flow, p, order > 0 && p.Time < in.time)
	switch {
	case order >= 0:
		t.refute(in)
	case in.flow.stepped || p.Time <= in.time:
		t.Stats.Late++
		return
	default:
		t.fell(in, p)
		return
	}
	if order == 0 {
		t.same(in, p)
		return
	}
	if in.output.Start == 0 {
		t.began(in, in.time)
	}
	t.grow(in, p, &t.grown, in)
	in.remember(p)
}

func (t *Table) same(in *Input, p *Point) {
	switch {
	case p.Time > in.time:
		in.time = p.Time
	case p.Time == in.time:
		t.Stats.Duplicate++
	default:
		t.Stats.Late++
	}
}

// Delta reports whether outputs tell what was counted since they were last accepted.
func (t *Table) Delta() bool { return t.delta }
