// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

// A fall is a value of a cumulative series that is smaller than the one kept, of the same start, and later. Its source
// began anew without telling, against OTLP, or its clock was set back and it is of before that: the next points tell. Those
// of a source that began anew go on from it; else what was kept does.
type fall struct {
	from Input  // with the fallen value, and its time
	at   uint64 // when it came, by the pace
}

// fell takes a value that is smaller than the one kept. It counts at once if nothing was kept back lately, or its source does not
// know its start, as OTLP has it; else once others have gone on from it for as long as those of a clock that was set back have
// to (setBack).
func (t *Table) fell(in *Input, p *Point) {
	switch {
	case !in.fallen && t.steady(in.flow), p.Start == 0:
		t.anew(in, p)
		return
	case !in.fallen:
		t.hold(in, p)
		return
	}
	f := t.falls[in]
	order := f.from.compare(p, &t.grown)
	switch passed, elapsed := p.Time-f.from.time, t.now.Pace-f.at; {
	case p.Time == f.from.time && order == 0:
		t.Stats.Duplicate++
	case p.Time <= f.from.time:
		t.Stats.Late++
	case order >= 0 && elapsed < behind: // not yet
	case order < 0, !atPace(passed, elapsed):
		t.hold(in, p)
	default:
		t.rise(in)
		t.anew(in, p)
	}
}

// anew adds a value of a source that began anew.
func (t *Table) anew(in *Input, p *Point) {
	t.Stats.Resets++
	if in.output.Start == 0 {
		t.began(in, in.time)
	}
	t.grow(in, p, p, nil)
	in.remember(p)
}

// hold keeps a fallen value for the next point. One that was held before is overtaken.
func (t *Table) hold(in *Input, p *Point) {
	t.refute(in)
	f := &fall{from: Input{shape: in.shape}, at: t.now.Pace}
	f.from.remember(p)
	in.fallen = true
	t.falls[in] = f
}

// refute drops a fallen value: it was overtaken. What goes on from it tells all that it told.
func (t *Table) refute(in *Input) {
	if in.fallen {
		t.Stats.Late++
		t.rise(in)
	}
}

func (t *Table) rise(in *Input) {
	in.fallen = false
	delete(t.falls, in)
}

// atPace reports whether times of a sender that are so far apart came at the rate of time.
func atPace(passed, elapsed uint64) bool { return passed > elapsed/2 && passed < elapsed/2*3 }
