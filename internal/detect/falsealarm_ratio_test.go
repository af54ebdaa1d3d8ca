// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/detect/ratio"
)

// mostRatio is how many false anomalies a series may have a day.
const mostRatio = 0.01

func newEpisodes(t *testing.T, width time.Duration) *ratio.Detector {
	t.Helper()
	d, err := ratio.New(ratio.Episodes(width, detect.Threshold(1000, width, 1)))
	require.NoError(t, err)
	return d
}

// A run of ten series below one parent, which has seen others for a day.
const seriesOfRun = 10

// count is how many anomalies quiet traffic opens in about so many series-days.
func (q *quiet) count(t *testing.T, days int) (opened int, simulated float64) {
	d, src := newEpisodes(t, q.width), newSource(*seed, 1)
	day := int(24 * time.Hour / q.width)
	for range max(1, days/(10*seriesOfRun)) {
		var pool ratio.Pool
		for range seriesOfRun {
			s, next := d.Start(), q.make(src, q.width)
			for w := range min(10, days) * day {
				if q.life > 0 && w%int(q.life/q.width) == 0 {
					s, next = d.Start(), q.make(src, q.width)
				}
				c, ok := next(w)
				if !ok {
					continue
				}
				d.Inherit(&s, &[3]*ratio.Pool{&pool})
				if d.Observe(&s, detect.Window(w), &c) == detect.Opened {
					opened++
				}
				d.Teach(&pool, &s, detect.Window(w), &c)
			}
			simulated += float64(min(10, days))
		}
	}
	return opened, simulated
}

func TestFalseAlarmRatio(t *testing.T) {
	r := newReport("ratio-quiet", "quiet traffic", "series-days", "opened", "a series-day", "95 % bounds")
	for _, q := range quiets {
		opened, simulated := q.count(t, *days)
		low, mean, high := rate(opened, simulated)
		r.row(q.name, fmt.Sprintf("%.0f", simulated), fmt.Sprint(opened), fmt.Sprintf("%.4f", mean),
			fmt.Sprintf("%.4f – %.4f", low, high))
		assert.LessOrEqual(t, low, mostRatio, q.name)
	}
	r.finish(t)
}

// A loss is a fault: so much of the segments is lost for ten minutes.
type loss struct {
	width    time.Duration
	history  time.Duration // that the series has been watched for, with 19 others
	segments float64
	share    float64
}

const lossFor = 10 * time.Minute

// An outcome is what became of many faults of a kind.
type outcome struct {
	runs, missed, inTime, reopened int
	delays, onsets, closes         []float64
}

// warm returns a series that has been watched for the history's length.
func (l *loss) warm(d *ratio.Detector, src source) ratio.State {
	var pool ratio.Pool
	all := make([]ratio.State, 20)
	for i := range all {
		all[i] = d.Start()
	}
	windows := int(l.history / l.width)
	first := max(0, windows-int(2*time.Hour/l.width)) // others matter only at first
	for w := range windows {
		for i := range all {
			if i > 0 && w > int(2*time.Hour/l.width) && first > 0 {
				break
			}
			n := src.count(l.segments)
			c := ratio.Counts{Trials: n, Events: min(n, src.bursts(n*usualShare, 1, 1))}
			d.Inherit(&all[i], &[3]*ratio.Pool{&pool})
			d.Observe(&all[i], detect.Window(w), &c)
			d.Teach(&pool, &all[i], detect.Window(w), &c)
		}
	}
	return all[0]
}

// run injects the fault at a random point of a window.
func (l *loss) run(d *ratio.Detector, s ratio.State, src source, o *outcome) {
	inject := float64(s.Last()) + 1 + src.Float64()
	end := inject + lossFor.Seconds()/l.width.Seconds()
	seconds := func(windows float64) float64 { return windows * l.width.Seconds() }
	found, closed := false, false
	for w := s.Last() + 1; float64(w) < end+seconds(1)/l.width.Seconds()+600/l.width.Seconds(); w++ {
		n := src.count(l.segments)
		bad := max(0, min(float64(w+1), end)-max(float64(w), inject))
		c := ratio.Counts{Trials: n, Events: min(n, src.poisson(n*(usualShare*(1-bad)+l.share*bad)))}
		switch d.Observe(&s, w, &c) {
		case detect.Opened:
			if found {
				o.reopened++
				continue
			}
			found = true
			delay := seconds(float64(w+1) - inject)
			o.delays = append(o.delays, delay)
			if delay <= 4*l.width.Seconds()+5 {
				o.inTime++
			}
			start := d.Verdict(&s, detect.Opened).Start.Sub(detect.Window(0).Start(l.width)).Seconds()
			o.onsets = append(o.onsets, max(start-seconds(inject), seconds(inject)-start))
		case detect.Closed:
			if !closed {
				closed = true
				o.closes = append(o.closes, seconds(float64(w+1)-end))
			}
		}
	}
	o.runs++
	if !found {
		o.missed++
	}
}

func (l *loss) outcome(t *testing.T) outcome {
	d, src := newEpisodes(t, l.width), newSource(*seed, 2)
	var o outcome
	for range max(2, min(20, *days/50)) {
		s := l.warm(d, src)
		for range 25 {
			l.run(d, s, src, &o)
		}
	}
	return o
}

func TestFalseAlarmLoss(t *testing.T) {
	r := newReport("ratio-loss", "window", "segments", "loss", "watched for", "seen", "within 4 W + 5 s",
		"delay median", "p90", "onset error median", "closed after the end, median", "opened again")
	for _, width := range []time.Duration{time.Second, 5 * time.Second, 10 * time.Second, time.Minute} {
		for _, segments := range []float64{50, 500, 5000} {
			for _, share := range []float64{0.005, 0.01, 0.03, 0.1} {
				for _, history := range []time.Duration{2 * time.Minute, 6 * time.Hour} {
					l := loss{width, history, segments, share}
					o := l.outcome(t)
					inTime := float64(o.inTime) / float64(o.runs)
					r.row(width.String(), fmt.Sprint(segments), fmt.Sprintf("%g %%", 100*share), short(history),
						fmt.Sprintf("%d of %d", o.runs-o.missed, o.runs), fmt.Sprintf("%.1f %%", 100*inTime),
						quantile(o.delays, 0.5), quantile(o.delays, 0.9), quantile(o.onsets, 0.5),
						quantile(o.closes, 0.5), fmt.Sprint(o.reopened))
					if share >= 0.01 && segments >= 500 {
						assert.GreaterOrEqual(t, inTime, l.least(), "%+v", l)
					}
				}
			}
		}
	}
	r.finish(t)
}

// least is the share of faults that have to be seen in time. Two minutes are two
// windows of a minute, which know too little for more.
func (l *loss) least() float64 {
	if l.width == time.Minute && l.share < 0.03 && l.segments < 5000 {
		return 0.7
	}
	return 0.9
}

func short(d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.0f h", d.Hours())
}
