// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package shift

import (
	"math"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/detect"
)

// Type is the detector's name.
const Type = "shift"

const (
	memory       = 2 * 3600  // seconds after which a window's weight in what is usual has halved
	noiseMemory  = 72 * 3600 // the same for how much windows differ
	youngWindows = 12        // in which nothing is judged
	youngSamples = 200
	youngFor     = 240  // in which what is strange is not learned
	strangeTimes = 3.5  // as high a median
	suspicious   = 0.25 // of the threshold; from there on what is usual is frozen
	clip         = 1. / 3
	hits         = 3   // windows that are higher by themselves
	mostly       = 0.6 // of the windows since the start, that they are at least
)

// A Detector knows how to judge; it holds no series.
type Detector struct {
	config                               Config
	keep, keepNoise                      float32
	updateEvery, staleAfter, expireAfter uint32
}

// New returns a detector. The error is that of [Config.Validate].
func New(config Config) (*Detector, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	windows := func(t time.Duration) uint32 {
		return uint32(max(1, math.Round(t.Seconds()/config.Width.Seconds())))
	}
	return &Detector{
		config:      config,
		keep:        float32(math.Exp2(-config.Width.Seconds() / memory)),
		keepNoise:   float32(math.Exp2(-config.Width.Seconds() / noiseMemory)),
		updateEvery: windows(detect.UpdateEvery),
		staleAfter:  windows(detect.StaleAfter),
		expireAfter: windows(detect.ExpireAfter),
	}, nil
}

// SetThreshold changes the evidence that opens an anomaly, as the number of
// series grows.
func (d *Detector) SetThreshold(h float64) { d.config.Threshold = h }

// Observe judges a window's values. Windows come in order, and one that does
// not is ignored; empty ones need not come.
func (d *Detector) Observe(s *State, w detect.Window, h *Histogram) detect.Step {
	n := float32(h.Total())
	if n == 0 {
		return d.Idle(s, w)
	}
	if s.age > 0 && uint32(w) <= s.last {
		return detect.Nothing
	}
	if s.age > 0 && uint32(w)-s.last >= d.staleAfter {
		if step := d.Idle(s, w); step != detect.Nothing {
			return step
		}
		s.calm()
	}
	if s.open && d.silent(s, w-detect.Window(max(h.Windows, 1)-1)) { // values alone are no sign that it goes on
		s.sum = max(s.sum, recovered)
	}
	s.last = uint32(w)
	s.coarse, s.far = s.coarse || h.Coarse, h.Far
	u := newUsual(&s.usual)
	x := score(u.mean(h, n, s.coarse), n)
	z := min(s.noise.scale()*x, float32(d.config.Threshold*clip))
	if s.open {
		return d.watch(s, h, z)
	}
	ripe := s.age >= youngWindows && u.total >= youngSamples
	strange := ripe && s.age < youngFor && z > 0 && d.strange(s, h)
	if !s.suspicious && !strange { // but what makes it suspicious is learned: it may be noise
		s.noise.learn(x, d.keepNoise)
	}
	if ripe {
		d.add(s, h, z)
	}
	s.suspicious = float64(s.sum) >= suspicious*d.config.Threshold
	if !s.suspicious && !strange {
		s.learn(h, d.keep)
	}
	return d.search(s)
}

// learn adds a window to what is usual.
func (s *State) learn(h *Histogram, keep float32) {
	for k, count := range h.Counts {
		s.usual[k] = s.usual[k]*keep + float32(count)
	}
}

// search looks for a shift.
func (d *Detector) search(s *State) detect.Step {
	s.age = uint16(min(int(s.age)+1, math.MaxUint16))
	if float64(s.sum) < d.config.Threshold || !d.matters(s) {
		return detect.Nothing
	}
	d.begin(s)
	return detect.Opened
}

// add adds a window to the sum, and to what came since it was zero.
func (d *Detector) add(s *State, h *Histogram, z float32) {
	if s.sum == 0 {
		if z <= 0 {
			return
		}
		s.calm()
		s.start = s.last
	}
	s.sum += z
	if s.sum <= 0 {
		s.calm()
		return
	}
	s.collect(h)
	s.peak = max(s.peak, bucket90(h))
	if s.windows < math.MaxUint16 {
		s.windows++
		if z > 0 && d.higher(s, h) {
			s.hits++
		}
	}
}

// calm forgets what came since the sum was zero.
func (s *State) calm() {
	s.sum, s.hits, s.windows, s.samples, s.peak, s.suspicious = 0, 0, 0, 0, 0, false
	s.since = [Buckets]uint16{}
}

// Evidence is how much there is for an anomaly that is not open, in nats; 0 if
// it is too little to speak of.
func (d *Detector) Evidence(s *State) float64 {
	if s.open || !s.suspicious {
		return 0
	}
	return float64(s.sum)
}

// Rising reports whether the series is open, or its last windows have spoken for a shift.
func (d *Detector) Rising(s *State) bool { return s.open || s.sum > 0 }

// Suspicion is that, with from what to what the values seem to have risen.
func (d *Detector) Suspicion(s *State) detect.Suspicion {
	from, to := d.rise(s)
	return detect.Suspicion{Baseline: from, Value: to, Evidence: float64(s.sum)}
}

// Open opens an anomaly although there is less evidence than the threshold,
// if there is enough of all else.
func (d *Detector) Open(s *State) detect.Step {
	if s.open || !d.matters(s) {
		return detect.Nothing
	}
	d.begin(s)
	return detect.Opened
}
