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
	young       = 10 // windows in which only a large rise opens an anomaly
	youngTimes  = 5  // times the baseline, and times Config.Step, that is large
	youngEvents = 10
	suspicious  = 0.25 // of the threshold; from there on the baseline is frozen
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

// Observe judges a window in which r of n trials were events. Windows come in
// order, and one that does not is ignored; those without trials need not come.
// So are numbers that count nothing: negative, infinite or not a number.
func (d *Detector) Observe(s *State, w detect.Window, n, r float64) detect.Step {
	if !detect.IsCount(n) || !detect.IsCount(r) || s.age > 0 && w <= s.last {
		return detect.Nothing
	}
	n = max(n, r)
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
	s.suspicious = evidence >= suspicious*c.Threshold
	d.learn(s, n, r)
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
	if s.age >= young {
		return true
	}
	return e.events >= youngEvents && e.events >= e.trials*youngTimes*max(p0, d.config.Step)
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
