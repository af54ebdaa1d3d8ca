// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/detect/shift"
)

// mostShift is how many false anomalies a series may have a day.
const mostShift = 0.1

// A wander is round-trip times around 2 ms, half an octave wide, whose level
// differs from window to window by deviation octaves, alike with 0.8 (AR 1), and
// is four times as high in a share of windows.
type wander struct {
	deviation, spikes, values float64
}

var wanders = []wander{
	{0.1, 0.002, 20}, {0.1, 0.002, 200}, {0.1, 0.02, 20}, {0.1, 0.02, 200},
	{0.4, 0.002, 20}, {0.4, 0.002, 200}, {0.4, 0.02, 20}, {0.4, 0.02, 200},
}

func (r wander) String() string {
	return fmt.Sprintf("±%g octaves, %g %% spikes, %g values", r.deviation, 100*r.spikes, r.values)
}

// normal are draws to draw from again, which is much faster.
var normal = func() (draws [1 << 14]float32) {
	src := newSource(7, 7)
	for i := range draws {
		draws[i] = float32(src.NormFloat64())
	}
	return draws
}()

// A path is one series' way to wander.
type path struct {
	wander
	source
	level float64
}

// draw makes a window whose values are so many times as large as usual.
func (p *path) draw(h *shift.Histogram, times float64) {
	const alike, milliseconds, width = 0.8, 0.002, 0.5
	p.level = alike*p.level + p.deviation*math.Sqrt(1-alike*alike)*p.NormFloat64()
	middle := p.level + math.Log2(milliseconds*times) + 20
	if p.Float64() < p.spikes {
		middle += 2
	}
	*h = shift.Histogram{}
	for range int(max(1, p.source.count(p.values))) {
		at := 2 * (float32(middle) + width*normal[p.Uint32()%uint32(len(normal))])
		h.Counts[min(max(int(at), 0), shift.Buckets-1)]++
	}
}

func newRTT(t *testing.T) *shift.Detector {
	t.Helper()
	d, err := shift.New(shift.RTT(width, detect.Threshold(10_000, width, 1)))
	require.NoError(t, err)
	return d
}

// count is how many anomalies are opened without a fault, in lives of so many
// windows each that begin with their parent's histogram.
func (r wander) count(t *testing.T, windows, lives int) int {
	d, opened := newRTT(t), 0
	src := newSource(*seed, 3)
	var h shift.Histogram
	var pool shift.Pool
	for range lives {
		p, s := path{wander: r, source: src}, d.Start()
		for w := range detect.Window(windows) {
			p.draw(&h, 1)
			d.Inherit(&s, &[3]*shift.Pool{&pool})
			if d.Observe(&s, w, &h) == detect.Opened {
				opened++
			}
			d.Teach(&pool, &s, w, &h)
		}
	}
	return opened
}

func TestFalseAlarmShift(t *testing.T) {
	r := newReport("shift-quiet", "round trips", "life of a series", "series-days", "opened", "a series-day", "95 % bounds")
	const day = 8640
	for _, wander := range wanders {
		for _, c := range []struct {
			life    string
			windows int
		}{{"10 days", 10 * day}, {"30 min", day / 48}} {
			share := *days
			if c.windows < day {
				share = max(1, *days/4)
			}
			lives := max(1, share*day/c.windows)
			opened, simulated := wander.count(t, min(c.windows, share*day), lives), float64(lives*min(c.windows, share*day))/day
			low, mean, high := rate(opened, simulated)
			r.row(wander.String(), c.life, fmt.Sprintf("%.0f", simulated), fmt.Sprint(opened), fmt.Sprintf("%.3f", mean),
				fmt.Sprintf("%.3f – %.3f", low, high))
			assert.LessOrEqual(t, low, mostShift, "%v, %s", wander, c.life)
		}
	}
	r.finish(t)
}

func TestFalseAlarmSlower(t *testing.T) {
	r := newReport("shift-slower", "round trips", "times", "seen in 15 min", "delay median", "p90")
	d := newRTT(t)
	for _, wander := range wanders {
		for _, times := range []float64{1.5, 2, 5} {
			src, runs := newSource(*seed, 4), min(500, 20+*days/2)
			var delays []float64
			for range runs {
				if delay := slower(d, path{wander: wander, source: src}, times, 2*time.Hour); delay > 0 {
					delays = append(delays, delay)
				}
			}
			r.row(wander.String(), fmt.Sprintf("×%g", times), fmt.Sprintf("%d of %d", len(delays), runs),
				quantile(delays, 0.5), quantile(delays, 0.9))
			if times == 5 {
				assert.GreaterOrEqual(t, len(delays)*100, runs*95, "%v", wander)
			}
		}
	}
	r.finish(t)
}

// slower is how many seconds it takes to see that round trips are slower, after
// so long a quiet; 0 if 15 min do not suffice.
func slower(d *shift.Detector, p path, times float64, quiet time.Duration) float64 {
	var h shift.Histogram
	s, inject := d.Start(), detect.Window(quiet/width)
	for w := range inject + detect.Window(15*time.Minute/width) {
		factor := 1.
		if w >= inject {
			factor = times
		}
		p.draw(&h, factor)
		step := d.Observe(&s, w, &h)
		if step == detect.Opened && w >= inject {
			return float64(w+1-inject) * width.Seconds()
		}
	}
	return 0
}
