// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ratio

import (
	"math"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/detect"
)

// Type is the detector's name.
const Type = "ratio"

const (
	// A series is young for so many windows, and so many times Config.Weight of
	// trials. Only a large rise opens an anomaly of a young one, and a smaller one
	// is learned: its baseline may well differ from its parent's.
	youngWindows = 10
	youngTrials  = 10
	youngTimes   = 5 // times the baseline, and times Config.Step, that is large
	youngEvents  = 10
	suspicious   = 0.25 // of the threshold; from there on the baseline is frozen
)

// A Detector knows how to judge; it holds no series.
type Detector struct {
	config           Config
	keep, keepBursts float64 // λ and λq: what a window leaves of earlier ones
	updateEvery      detect.Window
	staleAfter       detect.Window
	expireAfter      detect.Window
}

// New returns a detector. The error is that of [Config.Validate].
func New(config Config) (*Detector, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	windows := func(t time.Duration) detect.Window {
		return max(1, detect.Window(math.Round(t.Seconds()/config.Width.Seconds())))
	}
	return &Detector{
		config:      config,
		keep:        math.Exp2(-config.Width.Seconds() / memory),
		keepBursts:  math.Exp2(-config.Width.Seconds() / dispersionMemory),
		updateEvery: windows(detect.UpdateEvery),
		staleAfter:  windows(detect.StaleAfter),
		expireAfter: windows(detect.ExpireAfter),
	}, nil
}

// SetThreshold changes the evidence that opens an anomaly, as the number of
// series grows.
func (d *Detector) SetThreshold(h float64) { d.config.Threshold = h }

// Start returns the state of a new series.
func (d *Detector) Start() State { return State{prior: d.unknown()} }

// Observe judges a window. Windows come in order, and one that does not is
// ignored; those without trials need not come. So are counts that are none.
func (d *Detector) Observe(s *State, w detect.Window, c *Counts) detect.Step {
	if !c.Valid() || s.age > 0 && w <= s.last {
		return detect.Nothing
	}
	n, r := max(c.Trials, c.Events), c.Events
	if n <= 0 {
		return d.Idle(s, w)
	}
	if s.age > 0 && w-s.last >= d.staleAfter {
		if step := d.Idle(s, w); step != detect.Nothing {
			return step
		}
		s.rises = [alternatives]rise{}
	}
	s.last = w
	if s.open {
		return d.watch(s, w, n, r)
	}
	return d.search(s, w, n, r)
}

// search looks for a rise.
func (d *Detector) search(s *State, w detect.Window, n, r float64) detect.Step {
	c := &d.config
	p0, phi := s.own.upper(s.prior, c.Floor), s.own.dispersion(s.prior)
	if w-s.eventful > d.staleAfter {
		s.rises = [alternatives]rise{}
	}
	if r > 0 {
		s.eventful = w
	}
	for i := range s.rises {
		if p0 >= most {
			break
		}
		s.rises[i].add(w, n, r, p0, alternative(i, p0, c.Step), phi, c.Threshold*clip)
	}
	evidence, best := s.evidence()
	s.suspicious = evidence >= suspicious*c.Threshold && (!d.young(s) || d.large(best, p0))
	d.learn(s, n, r)
	s.seen += n
	if s.age < math.MaxUint32 {
		s.age++
	}
	if evidence < c.Threshold || !d.enough(s, best, p0) {
		return detect.Nothing
	}
	d.begin(s, w, best, evidence)
	return detect.Opened
}

// enough says whether there are events enough, whatever their likelihood.
func (d *Detector) enough(s *State, e *rise, p0 float64) bool {
	if e.hits < hits || e.events < d.config.Events {
		return false
	}
	return !d.young(s) || e.events >= youngEvents && d.large(e, p0)
}

// large says whether a rise is too large to be what a young series is like.
func (d *Detector) large(e *rise, p0 float64) bool {
	return e.events >= e.trials*youngTimes*max(p0, d.config.Step)
}

func (d *Detector) young(s *State) bool {
	return s.age < youngWindows || s.seen < youngTrials*d.config.Weight
}

// learn lets a window be part of the baseline, unless it is suspicious.
func (d *Detector) learn(s *State, n, r float64) {
	share := s.own.share(s.prior)
	if s.suspicious {
		s.held[0] += r * r
		s.held[1] += n * share * n * share
		s.held[2] += r
		return
	}
	s.own.forget(d.keep, d.keepBursts)
	s.own.learn(n, r, share)
	s.own.squares += s.held[0]
	s.own.expected += s.held[1]
	s.own.bursts += s.held[2]
	s.held = [3]float64{}
}

// Evidence is how much there is for an anomaly that is not open, in nats; 0 if
// it is too little to speak of.
func (d *Detector) Evidence(s *State) float64 {
	if s.open || !s.suspicious {
		return 0
	}
	evidence, _ := s.evidence()
	return evidence
}

// Rising reports whether the series is open, or its last windows have spoken for a rise.
func (d *Detector) Rising(s *State) bool { return s.open || s.rises != [alternatives]rise{} }

// Suspicion is that, with from what to what the share seems to have risen.
func (d *Detector) Suspicion(s *State) detect.Suspicion {
	evidence, best := s.evidence()
	return detect.Suspicion{Baseline: s.own.share(s.prior), Value: best.events / max(best.trials, 1), Evidence: evidence}
}

// Open opens an anomaly although there is less evidence than the threshold,
// if there is enough of all else.
func (d *Detector) Open(s *State) detect.Step {
	evidence, best := s.evidence()
	if s.open || !d.enough(s, best, s.own.upper(s.prior, d.config.Floor)) {
		return detect.Nothing
	}
	d.begin(s, s.last, best, evidence)
	return detect.Opened
}
