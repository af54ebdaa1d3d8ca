// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"cmp"
	"math"
	"slices"
)

// A Detector judges windows of data of type D with a state S a series and a pool
// P a parent.
type Detector[S, P, D any] interface {
	Start() S
	Inherit(s *S, pools *[3]*P)
	Observe(s *S, w Window, data *D) Step
	Teach(pool *P, s *S, w Window, data *D)
	Idle(s *S, w Window) Step
	Evidence(s *S) float64
	Suspicion(s *S) Suspicion
	Rising(s *S) bool
	Fading(s *S, w Window, before bool) bool
	Open(s *S) Step
	Verdict(s *S, step Step) Verdict
}

const (
	// together is how many series at least have to rise in one window to be opened
	// with less evidence than the threshold.
	together = 5
	// falseShare is how many of series opened so may be false.
	falseShare = 0.05
	// idleWindows is for how many windows a series is kept for sure that gets no
	// data; longer if there is room.
	idleWindows = 30
)

// A Family is all series that one detector watches, as many as it has room for.
// For each window call [Family.Observe] for each series with data, then
// [Family.Finish].
type Family[S, P, D any] struct {
	detector Detector[S, P, D]
	limit    int

	index map[uint64]int32
	slots []slot[S, P]
	hand  int
	// latest is the slot that was observed last.
	latest int32
	pools  map[uint64]*pool[P]
	// idlePools is how many of them no series refers to.
	idlePools int

	live       int      // series with data in this window
	candidates []rising // with some evidence, in this window
	open       []int32

	losses Losses
}

// Losses is what a family had no room for, in series.
type Losses struct {
	Refused uint64 // new ones not watched, once each window
	Evicted uint64 // forgotten to make room for others
}

type slot[S, P any] struct {
	series Series
	last   Window
	open   bool
	pools  [3]*P
	state  S
}

type pool[P any] struct {
	series int // that refer to it
	pool   P
}

// A rising is a series that might be opened together with others.
type rising struct {
	slot     int32
	evidence float64
}

// NewFamily returns a family of at most limit series, and as many parents.
func NewFamily[S, P, D any](detector Detector[S, P, D], limit int) *Family[S, P, D] {
	return &Family[S, P, D]{
		detector: detector, limit: limit,
		index: make(map[uint64]int32), pools: make(map[uint64]*pool[P]),
	}
}

// Len is the number of series.
func (f *Family[S, P, D]) Len() int { return len(f.index) }

// Losses is what there was no room for so far.
func (f *Family[S, P, D]) Losses() Losses { return f.losses }

// Suspicious reports whether there is some evidence against a series, open or not yet.
func (f *Family[S, P, D]) Suspicious(series uint64) bool {
	i, ok := f.index[series]
	return ok && (f.slots[i].open || f.detector.Evidence(&f.slots[i].state) > 0)
}

// Rising reports whether a series is open, or its last windows have spoken for a rise, however little.
func (f *Family[S, P, D]) Rising(series uint64) bool {
	i, ok := f.index[series]
	return ok && f.detector.Rising(&f.slots[i].state)
}

// Suspicion tells what there is against a series that is not open; nothing if it has no evidence.
func (f *Family[S, P, D]) Suspicion(series uint64) Suspicion {
	i, ok := f.index[series]
	if !ok || f.slots[i].open || f.detector.Evidence(&f.slots[i].state) <= 0 {
		return Suspicion{}
	}
	return f.detector.Suspicion(&f.slots[i].state)
}

// Fading reports whether what opened a series' anomaly seems to be over, although it is too
// early to close it.
func (f *Family[S, P, D]) Fading(series uint64, w Window, before bool) bool {
	i, ok := f.index[series]
	return ok && f.slots[i].open && f.detector.Fading(&f.slots[i].state, w, before)
}

// Rise is from where to where a series that is open has risen, from the start on; zeros if it is not open.
func (f *Family[S, P, D]) Rise(series uint64) (baseline, value float64) {
	i, ok := f.index[series]
	if !ok || !f.slots[i].open {
		return 0, 0
	}
	v := f.detector.Verdict(&f.slots[i].state, Nothing)
	return v.Baseline, v.Value
}

// find is what the index says. Points come in much the same order each window, so the slot
// behind the latest one is tried first: it is to be read anyway, and a table of 100,000 series
// is in no cache (80 to 130 ns).
func (f *Family[S, P, D]) find(series uint64) (int32, bool) {
	if next := f.latest + 1; int(next) < len(f.slots) && f.slots[next].series.ID == series {
		return next, true
	}
	i, ok := f.index[series]
	return i, ok
}

// Observe judges a series' data of a window. emit gets what is to be told of
// this series and of one that had to make room for it; it must not call f.
func (f *Family[S, P, D]) Observe(w Window, series Series, data *D, emit func(Series, Verdict)) {
	i, ok := f.find(series.ID)
	if !ok {
		if i, ok = f.place(w, series, emit); !ok {
			f.losses.Refused++
			return
		}
	}
	f.latest = i
	s := &f.slots[i]
	s.last = w
	f.live++
	f.detector.Inherit(&s.state, &s.pools)
	step := f.detector.Observe(&s.state, w, data)
	for _, pool := range s.pools {
		if pool != nil {
			f.detector.Teach(pool, &s.state, w, data)
		}
	}
	if step != Nothing {
		f.tell(i, step, emit)
	} else if evidence := f.detector.Evidence(&s.state); evidence > 0 {
		f.candidates = append(f.candidates, rising{i, evidence})
	}
}

// Finish ends a window: open anomalies without data age, and series that rose
// together are opened.
func (f *Family[S, P, D]) Finish(w Window, emit func(Series, Verdict)) {
	for n := len(f.open) - 1; n >= 0; n-- {
		if i := f.open[n]; f.slots[i].last < w {
			if step := f.detector.Idle(&f.slots[i].state, w); step != Nothing {
				f.tell(i, step, emit)
			}
		}
	}
	for _, c := range f.together() {
		if step := f.detector.Open(&f.slots[c.slot].state); step != Nothing {
			f.tell(c.slot, step, emit)
		}
	}
	f.live, f.candidates = 0, f.candidates[:0]
}

// together are the k series with the most evidence S, for the largest k ≥ 5 with
//
//	S ≥ ln(K / (k·0.05))  for each of them
//
// of K series that have data, in the manner of Benjamini and Hochberg: where many
// rise at once, each needs less evidence of its own.
func (f *Family[S, P, D]) together() []rising {
	c := f.candidates
	if len(c) < together {
		return nil
	}
	slices.SortFunc(c, func(a, b rising) int { return cmp.Compare(b.evidence, a.evidence) })
	for k := len(c); k >= together; k-- {
		if c[k-1].evidence >= math.Log(float64(f.live)/(float64(k)*falseShare)) {
			return c[:k]
		}
	}
	return nil
}

// tell emits a verdict and keeps the list of what is open.
func (f *Family[S, P, D]) tell(i int32, step Step, emit func(Series, Verdict)) {
	s := &f.slots[i]
	emit(s.series, f.detector.Verdict(&s.state, step))
	switch step {
	case Opened:
		s.open = true
		f.open = append(f.open, i)
	case Closed:
		s.open = false
		f.open = slices.DeleteFunc(f.open, func(j int32) bool { return i == j })
	}
}
