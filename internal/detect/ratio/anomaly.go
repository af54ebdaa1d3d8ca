// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ratio

import (
	"math"

	"github.com/tcpwhy/tcpwhy/internal/detect"
)

const (
	recovered   = 5.0 // T that closes an anomaly, nats
	fallClip    = 2.0 // that one window can contribute to it, if it is short
	quietFor    = 60  // seconds without a window above the middle
	fading      = 2.5 // T from which on an anomaly seems to be over, nats
	fadesAfter  = 30  // seconds without an event after which it does, too
	peakSupport = 4   // a window counts for the peak with that part of the mean trials
)

// begin opens an anomaly.
func (d *Detector) begin(s *State, w detect.Window, e *rise, evidence float64) {
	s.open, s.reason = true, detect.NotClosed
	s.change = detect.Rise
	if d.young(s) {
		s.change = detect.Absolute
	}
	s.anomaly = anomaly{
		start: e.since, detected: w, quiet: w + 1, updated: w,
		trials: e.trials, events: e.events, allTrials: e.trials, allEvents: e.events,
		baseline: s.own.share(s.prior),
		evidence: evidence, peak: e.events / e.trials,
	}
}

// watch looks for the end of a rise, and tells how it goes. From the middle
// between baseline and rise
//
//	ph = max(mean share since the start / 2, √(p0·p1))
//	T  = max(0, T + min(2, [r·ln(p0/ph) + (n−r)·ln((1−p0)/(1−ph))] / φ))
//
// the anomaly is over if T ≥ 5 and no window of the last 60 s was above ph. A
// window of more than 24 s may contribute more than 2, or it would take long. Where there are
// so few trials that T does not get there, five minutes without an event end it.
func (d *Detector) watch(s *State, w detect.Window, n, r float64) detect.Step {
	a := &s.anomaly
	a.allTrials += n
	a.allEvents += r
	if r > 0 {
		s.eventful = w
	}
	if n*peakSupport*float64(w-a.start+1) >= a.allTrials {
		a.peak = max(a.peak, r/n)
	}
	p0 := min(s.own.upper(s.prior, d.config.Floor), most)
	ph := max(a.allEvents/a.allTrials/2, math.Sqrt(p0*alternative(0, p0, d.config.Step)))
	t := r*math.Log(p0/ph) + (n-r)*(math.Log1p(-p0)-math.Log1p(-ph))
	limit := min(recovered, max(fallClip, d.config.Width.Seconds()/12))
	a.fall = max(0, a.fall+min(limit, t/s.own.dispersion(s.prior)))
	if a.fall == 0 || r > n*ph {
		a.quiet, a.trials, a.events = w+1, a.allTrials, a.allEvents
	}
	quiet := float64(w+1-a.quiet) * d.config.Width.Seconds()
	switch {
	case a.fall >= recovered && quiet >= quietFor, w-s.eventful >= d.staleAfter:
		return d.end(s, detect.Recovered)
	case w-a.start >= d.expireAfter:
		return d.end(s, detect.Expired)
	case w-a.updated >= d.updateEvery:
		a.updated = w
		return detect.Updated
	}
	return detect.Nothing
}

// Fading reports whether an open anomaly seems to be over: more speaks against it than for
// it, or no event has come for a while. One that seemed so before goes on only when half of that is taken back.
func (d *Detector) Fading(s *State, w detect.Window, before bool) bool {
	limit := fading
	if before {
		limit /= 2
	}
	quiet := float64(w-s.eventful) * d.config.Width.Seconds()
	return s.open && (s.anomaly.fall >= limit || quiet >= fadesAfter && w-s.eventful >= hits)
}

// Idle tells an open anomaly of a window without data.
func (d *Detector) Idle(s *State, w detect.Window) detect.Step {
	switch {
	case !s.open:
		return detect.Nothing
	case w-s.last >= d.staleAfter:
		return d.end(s, detect.Stale)
	case w-s.anomaly.start >= d.expireAfter:
		return d.end(s, detect.Expired)
	}
	return detect.Nothing
}

// end closes an anomaly. What lasted too long is the baseline from now on.
func (d *Detector) end(s *State, reason detect.Reason) detect.Step {
	s.open, s.reason = false, reason
	s.rises = [alternatives]rise{}
	s.held, s.suspicious = [3]float64{}, false
	if reason == detect.Expired {
		s.prior.share = s.anomaly.events / s.anomaly.trials
		s.own.events = s.own.trials * s.prior.share
	}
	if reason != detect.Recovered {
		s.anomaly.quiet = s.last + 1
	}
	return detect.Closed
}

// Verdict describes the anomaly that is open, or was closed last.
func (d *Detector) Verdict(s *State, step detect.Step) detect.Verdict {
	a, width := &s.anomaly, d.config.Width
	v := detect.Verdict{
		Step: step, Change: s.change,
		Baseline: a.baseline, Value: a.events / a.trials, Peak: a.peak,
		Evidence: d.evidence(s), Threshold: d.config.Threshold,
		Samples: uint64(a.trials), Resolution: 1,
		Start: a.start.Start(width), Detected: a.detected.End(width),
	}
	if a.baseline > 0 {
		v.Ratio = v.Value / a.baseline
	}
	if step == detect.Closed {
		v.Reason, v.End = s.reason, a.quiet.Start(width)
	}
	return v
}

// evidence is the log-likelihood ratio of the share since the start, or what
// opened the anomaly if that was more.
func (d *Detector) evidence(s *State) float64 {
	a := &s.anomaly
	p0, p1 := min(s.own.upper(s.prior, d.config.Floor), most), a.events/a.trials
	z := a.events * math.Log(p1/p0)
	if p1 < 1 {
		z += (a.trials - a.events) * (math.Log1p(-p1) - math.Log1p(-p0))
	}
	return max(a.evidence, z/s.own.dispersion(s.prior))
}
