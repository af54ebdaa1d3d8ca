// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"time"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/detect/ratio"
	"github.com/tcpwhy/tcpwhy/internal/detect/shift"
	"github.com/tcpwhy/tcpwhy/internal/diagnose"
)

// A kind is what a detector watches of a view.
type kind uint8

const (
	kindLoss kind = iota
	kindNeedless
	kindRTT
	kindJitter
	kindSYN
	kindResets
	numKinds
)

type (
	ratioFamily = detect.Family[ratio.State, ratio.Pool, ratio.Counts]
	shiftFamily = detect.Family[shift.State, shift.Pool, shift.Histogram]
)

// detectors are the families that watch all views.
type detectors struct {
	width      time.Duration
	falseADay  float64
	threshold  float64
	ratios     [numKinds]*ratioFamily // by kind; nil where there is a distribution
	shifts     [numKinds]*shiftFamily
	thresholds []interface{ SetThreshold(h float64) }
	counts     ratio.Counts // that are being judged
	emit       [numKinds]func(detect.Series, detect.Verdict)
}

func newDetectors(width time.Duration, limit int, falseADay float64, emit func(kind, detect.Series, detect.Verdict)) (*detectors, error) {
	d := &detectors{width: width, falseADay: falseADay, threshold: detect.Threshold(1, width, falseADay)}
	for k := range numKinds {
		d.emit[k] = func(s detect.Series, v detect.Verdict) { emit(k, s, v) }
	}
	for kind, config := range map[kind]ratio.Config{
		kindLoss:     ratio.Episodes(width, d.threshold),
		kindNeedless: ratio.Episodes(width, d.threshold),
		kindSYN:      ratio.Connects(width, d.threshold),
		kindResets:   ratio.Resets(width, d.threshold),
	} {
		one, err := ratio.New(config)
		if err != nil {
			return nil, err
		}
		d.thresholds = append(d.thresholds, one)
		d.ratios[kind] = detect.NewFamily(one, limit)
	}
	for kind, config := range map[kind]shift.Config{
		kindRTT:    shift.RTT(width, d.threshold),
		kindJitter: shift.Jitter(width, d.threshold),
	} {
		one, err := shift.New(config)
		if err != nil {
			return nil, err
		}
		d.thresholds = append(d.thresholds, one)
		d.shifts[kind] = detect.NewFamily(one, 2*limit) // views, and tracks
	}
	return d, nil
}

// observe lets all detectors judge what a view did in a window.
func (d *detectors) observe(w detect.Window, v *view) {
	series := detect.Series{ID: v.id, Parents: [3]uint64{hash(1, v.key.observer), everybody}}
	for k := range numKinds {
		if trials, events := v.counted(k); trials+events > 0 {
			d.counts = ratio.Counts{Trials: float64(trials), Events: float64(events)}
			d.ratios[k].Observe(w, series, &d.counts, d.emit[k])
		}
	}
	series.Parents = [3]uint64{}
	if v.rtt.Total() > 0 {
		d.shifts[kindRTT].Observe(w, series, &v.rtt, d.emit[kindRTT])
	}
	if v.variation.Total() > 0 {
		d.shifts[kindJitter].Observe(w, series, &v.variation, d.emit[kindJitter])
	}
}

// counted is what a view counted in a window of a kind of events, and of what may be such; nothing of kinds that are not
// counted. Where segments overtake each other none that is sent again is lost, though of some the sender does not hear it.
func (v *view) counted(k kind) (trials, events uint64) {
	r, needless := &v.report, v.report.Needless()
	if v.overtaken() {
		needless = r.Episodes
	}
	switch k {
	case kindLoss: // what was sent again was sent: more is half of a report, or a FIN
		return r.DataSegments, min(r.Episodes-needless, r.DataSegments)
	case kindNeedless:
		return r.DataSegments, min(needless, r.DataSegments)
	case kindResets:
		return r.Closed, r.ResetsReceived
	case kindSYN:
		if v.key.role == Client {
			return r.Attempts(), r.Retransmits[RetransmitSYN-RetransmitUnknown]
		}
	}
	return 0, 0
}

// manyTracks is how many pairs of pods a pair of workloads has at least if one of them may be slow
// without anybody seeing it in all their round trips.
const manyTracks = 3

// look lets the detectors of distributions judge what one of a view's tracks did in a window.
func (d *detectors) look(w detect.Window, t *track, c *cell) {
	if len(t.view.tracks) < manyTracks {
		return
	}
	if c.rtt.Total() > 0 {
		c.rtt.Far = t.far
		d.shifts[kindRTT].Observe(w, t.series, &c.rtt, d.emit[kindRTT])
	}
	if c.variation.Total() > 0 {
		d.shifts[kindJitter].Observe(w, t.series, &c.variation, d.emit[kindJitter])
	}
}

// everybody is the parent of all series.
const everybody = 1

// finish ends a window. How much evidence it takes grows with the number of series.
func (d *detectors) finish(w detect.Window) {
	series := 0
	for k := range numKinds {
		if f := d.ratios[k]; f != nil {
			f.Finish(w, d.emit[k])
			series += f.Len()
		} else {
			d.shifts[k].Finish(w, d.emit[k])
			series += d.shifts[k].Len()
		}
	}
	d.threshold = detect.Threshold(series, d.width, d.falseADay)
	for _, one := range d.thresholds {
		one.SetThreshold(d.threshold)
	}
}

// suspicious tells whether there is evidence against a view that has not opened an anomaly.
func (d *detectors) suspicious(k kind, v *view) bool {
	if f := d.ratios[k]; f != nil {
		return f.Suspicious(v.id)
	}
	return d.shifts[k].Suspicious(v.id)
}

// lateShare is of how many round trips one is late where delays make senders send again.
const lateShare = 10

// many tells whether many round trips take longer than that, in seconds.
func many(rtt *shift.Histogram, seconds float64) bool {
	return rtt.Total() > 0 && lateShare*rtt.Above(seconds) >= rtt.Total()
}

// feel notes what a view is suspected of, whether its losses seem to rise, and how many round trips it had since then.
func (d *detectors) feel(v *view) {
	for k := range numKinds {
		v.suspects[k] = v.risen[k] == nil && d.suspicious(k, v)
	}
	v.late = many(&v.rtt, diagnose.ShortestTimeout)
	if many(&v.rtt, diagnose.LongTrip) {
		v.held = v.window
	}
	v.loses = d.ratios[kindLoss].Rising(v.id)
	switch {
	case v.risen[kindRTT] != nil || v.risen[kindJitter] != nil || v.suspects[kindRTT] || v.suspects[kindJitter]:
		v.calm = 0
	default:
		v.calm += v.rtt.Total()
	}
}

// rise is from where to where the series of an anomaly has risen by now.
func (d *detectors) rise(a *anomaly) (baseline, value float64) {
	if f := d.ratios[a.kind]; f != nil {
		return f.Rise(a.series)
	}
	return d.shifts[a.kind].Rise(a.series)
}

// fading tells whether what opened an anomaly seems to be over.
func (d *detectors) fading(w detect.Window, a *anomaly) bool {
	if f := d.ratios[a.kind]; f != nil {
		return f.Fading(a.series, w, a.fading)
	}
	return d.shifts[a.kind].Fading(a.series, w, a.fading)
}

// losses is what the detectors had no room for.
func (d *detectors) losses() (sum detect.Losses) {
	for k := range numKinds {
		var one detect.Losses
		if f := d.ratios[k]; f != nil {
			one = f.Losses()
		} else {
			one = d.shifts[k].Losses()
		}
		sum.Refused += one.Refused
		sum.Evicted += one.Evicted
	}
	return sum
}
