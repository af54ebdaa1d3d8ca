// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package level

import (
	"fmt"
	"math"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/detect"
)

// Type is the detector's name.
const Type = "level"

const (
	memory       = 2 * 3600 // seconds after which a window's weight in the mean has halved
	farAway      = 10.0     // deviations that are no chance any more
	times        = 3        // in a row
	back         = 4.0      // deviations that are usual
	quietFor     = 60       // seconds in which nothing was beyond that
	youngWindows = 12       // in which nothing is judged
	// smallest is the least deviation, as a share of the mean: a gauge that never
	// moved must not open by a hair.
	smallest = 0.05
)

// A State is all that is remembered of a series. The zero value is that of a
// new one.
type State struct {
	mean, variance                         float64
	last, start, detected, quiet           detect.Window
	value, peak, evidence, samples, before float64
	age, row                               uint32
	open                                   bool
	down                                   bool // what is looked at is lower than usual
	reason                                 detect.Reason
}

// Open reports whether an anomaly is open.
func (s *State) Open() bool { return s.open }

// Last is the last window with data.
func (s *State) Last() detect.Window { return s.last }

// A Detector knows how to judge; it holds no series.
type Detector struct {
	width                                time.Duration
	gain                                 float64
	updateEvery, staleAfter, expireAfter detect.Window
}

// New returns a detector for windows of a width above zero.
func New(width time.Duration) (*Detector, error) {
	if width <= 0 {
		return nil, fmt.Errorf("check width: %v is not above 0", width)
	}
	windows := func(t time.Duration) detect.Window {
		return max(1, detect.Window(math.Round(t.Seconds()/width.Seconds())))
	}
	return &Detector{
		width: width, gain: 1 - math.Exp2(-width.Seconds()/memory),
		updateEvery: windows(detect.UpdateEvery),
		staleAfter:  windows(detect.StaleAfter),
		expireAfter: windows(detect.ExpireAfter),
	}, nil
}

// Observe judges the gauge of a window. Windows come in order, and one that does
// not is ignored, as is what is no number.
func (d *Detector) Observe(s *State, w detect.Window, x float64) detect.Step {
	if math.IsNaN(x) || math.Abs(x) > math.MaxFloat32 || s.age > 0 && w <= s.last {
		return detect.Nothing
	}
	if s.age > 0 && w-s.last >= d.staleAfter {
		if step := d.Idle(s, w); step != detect.Nothing {
			return step
		}
		s.row = 0
	}
	s.last = w
	z := d.deviation(s, x)
	if s.open {
		return d.watch(s, x, z)
	}
	return d.search(s, x, z)
}

// deviation is how far x is from what is usual:
//
//	z = (x − μ) / max(σ, 0.05·|μ|)
func (d *Detector) deviation(s *State, x float64) float64 {
	if s.age < youngWindows {
		return 0
	}
	sigma := max(math.Sqrt(s.variance), smallest*math.Abs(s.mean), math.SmallestNonzeroFloat32)
	return (x - s.mean) / sigma
}

// search opens an anomaly at the third window in a row with |z| > 10 to the same
// side. Such windows are not learned:
//
//	μ += g·(x − μ),  σ² = (1 − g)·(σ² + g·(x − μ)²)
//
// where g = 1 − 2^(−W/2 h), or 1/n for the first n windows.
func (d *Detector) search(s *State, x, z float64) detect.Step {
	if math.Abs(z) > farAway {
		return d.suspect(s, x, z)
	}
	s.row = 0
	s.age++
	gain := max(d.gain, 1/float64(s.age))
	diff := x - s.mean
	s.mean += gain * diff
	s.variance = (1 - gain) * (s.variance + gain*diff*diff)
	return detect.Nothing
}

func (d *Detector) suspect(s *State, x, z float64) detect.Step {
	if down := z < 0; s.row == 0 || down != s.down {
		s.row, s.down, s.start = 0, down, s.last
		s.value, s.samples, s.evidence, s.peak = 0, 0, 0, x
	}
	s.row++
	s.collect(x, z)
	if s.row < times {
		return detect.Nothing
	}
	s.open, s.reason, s.row = true, detect.NotClosed, 0
	s.detected, s.quiet = s.last, s.last+1
	return detect.Opened
}

// watch closes the anomaly when no window of the last 60 s was more than 4
// deviations off.
func (d *Detector) watch(s *State, x, z float64) detect.Step {
	if math.Abs(z) > back {
		s.quiet = s.last + 1
		s.collect(x, z)
	}
	switch {
	case float64(s.last+1-s.quiet)*d.width.Seconds() >= quietFor:
		return d.end(s, detect.Recovered)
	case s.last-s.start >= d.expireAfter:
		return d.end(s, detect.Expired)
	case (s.last-s.detected)%d.updateEvery == 0:
		return detect.Updated
	}
	return detect.Nothing
}

// collect adds a window to what a verdict tells.
func (s *State) collect(x, z float64) {
	s.samples++
	s.value += (x - s.value) / s.samples
	s.evidence = max(s.evidence, z*z/2)
	if s.down {
		s.peak = min(s.peak, x)
	} else {
		s.peak = max(s.peak, x)
	}
}

// Idle tells an open anomaly of a window without data.
func (d *Detector) Idle(s *State, w detect.Window) detect.Step {
	switch {
	case !s.open || w <= s.last:
		return detect.Nothing
	case w-s.last >= d.staleAfter:
		return d.end(s, detect.Stale)
	case w-s.start >= d.expireAfter:
		return d.end(s, detect.Expired)
	}
	return detect.Nothing
}

// end closes an anomaly. What lasted too long is where the gauge is from now on.
func (d *Detector) end(s *State, reason detect.Reason) detect.Step {
	s.open, s.reason, s.before = false, reason, s.mean
	if reason == detect.Expired {
		s.mean = s.value
	}
	if reason != detect.Recovered {
		s.quiet = s.last + 1
	}
	return detect.Closed
}

// Verdict describes the anomaly that is open, or was closed last. Its evidence
// is that of a normal distribution, z²/2.
func (d *Detector) Verdict(s *State, step detect.Step) detect.Verdict {
	v := detect.Verdict{
		Step: step, Change: detect.Rise,
		Baseline: s.mean, Value: s.value, Peak: s.peak,
		Evidence: s.evidence, Threshold: farAway * farAway / 2,
		Samples: uint64(s.samples), Resolution: 1,
		Start: s.start.Start(d.width), Detected: s.detected.End(d.width),
	}
	if s.down {
		v.Change = detect.Drop
	}
	if step == detect.Closed {
		v.Baseline, v.Reason, v.End = s.before, s.reason, s.quiet.Start(d.width)
	}
	if v.Baseline != 0 {
		v.Ratio = v.Value / v.Baseline
	}
	return v
}
