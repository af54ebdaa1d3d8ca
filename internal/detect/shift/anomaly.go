// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package shift

import (
	"math"

	"github.com/tcpwhy/tcpwhy/internal/detect"
)

const (
	recovered  = 5.0 // T that closes an anomaly, nats
	fallClip   = 2.0 // that one window can contribute to it, if it is short
	fading     = 2.5 // T from which on an anomaly seems to be over, nats
	fadesAfter = 30  // seconds without a value after which it does, too
	quietFor   = 60  // seconds without a window that speaks for a shift
	clearly    = 1.1
)

// begin opens an anomaly.
func (d *Detector) begin(s *State) {
	s.open, s.reason = true, detect.NotClosed
	s.detected, s.quiet = s.last, s.last+1
	s.evidence, s.sum = s.sum, 0
}

// bucket90 is the bucket of a window's 90th percentile.
func bucket90(h *Histogram) uint8 {
	rest := h.Total() / 10
	for k := Buckets - 1; k > 0; k-- {
		if count := uint64(h.Counts[k]); count <= rest {
			rest -= count
		} else {
			return uint8(k)
		}
	}
	return 0
}

// watch looks for the end of a shift: it is over when windows have spoken
// against it with together 5 nats,
//
//	T = max(0, T + min(2, −z))
//
// and none of the last 60 s has spoken for it. A window of more than 24 s may
// contribute more than 2, or it would take long.
func (d *Detector) watch(s *State, h *Histogram, z float32) detect.Step {
	limit := min(recovered, max(fallClip, d.config.Width.Seconds()/12))
	s.sum = max(0, s.sum+min(float32(limit), -z))
	s.evidence += max(0, z)
	if s.sum == 0 || z > 0 {
		s.quiet = s.last + 1
	}
	if z > 0 {
		s.collect(h)
		s.peak = max(s.peak, bucket90(h))
	}
	quiet := float64(s.last+1-s.quiet) * d.config.Width.Seconds()
	switch {
	case s.sum >= recovered && quiet >= quietFor:
		return d.end(s, detect.Recovered)
	case s.last-s.start >= d.expireAfter:
		return d.end(s, detect.Expired)
	case (s.last-s.detected)%d.updateEvery == 0:
		return detect.Updated
	}
	return detect.Nothing
}

// Fading reports whether an open anomaly seems to be over: more speaks against it than for
// it, or no value has come for a while. One that seemed so before goes on only when half of that is taken back.
func (d *Detector) Fading(s *State, w detect.Window, before bool) bool {
	limit := float32(fading)
	if before {
		limit /= 2
	}
	return s.open && (s.sum >= limit || d.silent(s, w))
}

// silent tells whether no value has come for a while.
func (d *Detector) silent(s *State, w detect.Window) bool {
	quiet := int64(uint32(w)) - int64(s.last)
	return float64(quiet)*d.config.Width.Seconds() >= fadesAfter && quiet >= hits
}

// Idle tells an open anomaly of a window without data.
func (d *Detector) Idle(s *State, w detect.Window) detect.Step {
	switch {
	case !s.open || uint32(w) <= s.last:
		return detect.Nothing
	case uint32(w)-s.last >= d.staleAfter:
		return d.end(s, detect.Stale)
	case uint32(w)-s.start >= d.expireAfter:
		return d.end(s, detect.Expired)
	}
	return detect.Nothing
}

// end closes an anomaly. What lasted too long is usual from now on. The counts
// since the start stay until the next excursion, for [Detector.Verdict].
func (d *Detector) end(s *State, reason detect.Reason) detect.Step {
	s.open, s.reason, s.sum, s.suspicious = false, reason, 0, false
	if reason == detect.Expired {
		for k, count := range s.since {
			s.usual[k] = float32(count)
		}
	}
	if reason != detect.Recovered {
		s.quiet = s.last + 1
	}
	return detect.Closed
}

// collect adds a window to the counts since the start. When one is full all are
// halved, so that old windows count for less.
func (s *State) collect(h *Histogram) {
	top := uint32(0)
	for _, count := range h.Counts {
		top = max(top, count)
	}
	shift := 0
	for top>>shift > math.MaxUint16/4 {
		shift++
	}
	for k := range s.since {
		if uint32(s.since[k])+h.Counts[k]>>shift > math.MaxUint16 {
			s.halve()
			break
		}
	}
	total := uint64(s.samples)
	for k := range s.since {
		s.since[k] += uint16(h.Counts[k] >> shift)
		total += uint64(h.Counts[k])
	}
	s.samples = uint32(min(total, math.MaxUint32))
}

func (s *State) halve() {
	for k := range s.since {
		s.since[k] = (s.since[k] + 1) / 2
	}
}

// matters says whether the rise is large enough for anybody to care, and not
// that of a few windows alone.
func (d *Detector) matters(s *State) bool {
	if s.hits < hits || float64(s.hits) < mostly*float64(s.windows) {
		return false
	}
	from, to := d.rise(s)
	return d.large(s, from, to)
}

// higher says whether a window is by itself as much higher as matters.
func (d *Detector) higher(s *State, h *Histogram) bool {
	counts := h.floats()
	from, to := d.between(&s.usual, &counts)
	return d.large(s, from, to)
}

// strange says whether a window of a young series is by itself so much higher that the series must not
// take it for how it is: the first windows of a shift would be a good part of all that it knows, and make it
// think that its windows differ much. A tail alone is not strange; a few windows do not tell how it is.
func (d *Detector) strange(s *State, h *Histogram) bool {
	counts := h.floats()
	from, to := quantile(&s.usual, 0.5), quantile(&counts, 0.5)
	return to >= strangeTimes*from && d.large(s, from, to)
}

func (d *Detector) large(s *State, from, to float64) bool {
	seconds := d.config.Seconds
	if s.far && d.config.FarSeconds > 0 {
		seconds = d.config.FarSeconds
	}
	return to >= from*d.config.Times && to-from >= seconds
}

// rise is from where to where the series rose.
func (d *Detector) rise(s *State) (from, to float64) {
	var since [Buckets]float32
	for k, count := range s.since {
		since[k] = float32(count)
	}
	return d.between(&s.usual, &since)
}

// between is from where to where the median or the 90th percentile rose,
// the latter if it clearly rose by more.
func (d *Detector) between(a, b *[Buckets]float32) (from, to float64) {
	high, higher := quantile(a, 0.9), quantile(b, 0.9)
	from, to = quantile(a, 0.5), quantile(b, 0.5)
	if d.config.High || higher/high > clearly*to/from {
		return high, higher
	}
	return from, to
}

// quantile is the value, in seconds, that a share q of counts does not exceed,
// as if they were spread evenly over the logarithms of their bucket.
func quantile(counts *[Buckets]float32, q float64) float64 {
	total := 0.
	for _, count := range counts {
		total += float64(count)
	}
	rank := q * total
	for k, count := range counts {
		if c := float64(count); c > 0 && rank <= c {
			return math.Exp2((float64(k)+rank/c)/2 - octaves)
		}
		rank -= float64(count)
	}
	return 1
}

// Verdict describes the anomaly that is open, or was closed last.
func (d *Detector) Verdict(s *State, step detect.Step) detect.Verdict {
	from, to := d.rise(s)
	width := d.config.Width
	v := detect.Verdict{
		Step: step, Change: detect.Rise,
		Baseline: from, Value: to, Peak: max(to, math.Exp2(float64(s.peak+1)/2-octaves)), Ratio: to / from,
		Evidence: float64(s.evidence), Threshold: d.config.Threshold,
		Samples: uint64(s.samples), Resolution: math.Sqrt2, Young: s.age < youngFor,
		Start:    detect.Window(s.start).Start(width),
		Detected: detect.Window(s.detected).End(width),
	}
	if s.coarse {
		v.Resolution = 2
	}
	if step == detect.Closed {
		v.Reason, v.End = s.reason, detect.Window(s.quiet).Start(width)
	}
	return v
}
