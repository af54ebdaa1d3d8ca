// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/detect/shift"
)

// A delayed series' round trips take 0.1 ms, but for those whose acknowledgement the peer delays, 40 ms: a share of
// them, of which windows differ by deviation (of its logit), alike with 0.8 (AR 1).
type delayed struct {
	share, deviation, values float64
}

var delays = []delayed{
	{.002, .5, 5}, {.002, .5, 200}, {.03, .5, 5}, {.03, .5, 20}, {.03, .5, 200}, {.03, 1, 5}, {.03, 1, 20}, {.03, 1, 200},
}

func (r delayed) String() string {
	return fmt.Sprintf("%g %% at 40 ms, ±%g, %g values", 100*r.share, r.deviation, r.values)
}

// A delayedPath is how one of them goes on.
type delayedPath struct {
	delayed
	source
	level float64
}

// draw makes a window, of which at least a share waits.
func (p *delayedPath) draw(h *shift.Histogram, least float64) {
	const alike, tenth, waiting = 0.8, 13.4, 31
	p.level = alike*p.level + p.deviation*math.Sqrt(1-alike*alike)*p.NormFloat64()
	share := max(least, 1/(1+(1-p.share)/p.share*math.Exp(-p.level)))
	*h = shift.Histogram{}
	for range int(max(1, p.source.count(p.values))) {
		if p.Float64() < share {
			h.Counts[waiting]++
			continue
		}
		h.Counts[min(max(int(tenth+float64(normal[p.Uint32()%uint32(len(normal))])), 0), shift.Buckets-1)]++
	}
}

// count is how many anomalies are opened in lives of a day without a fault, and seen how soon after two hours all
// round trips wait, in so many runs; 0 s: not in a quarter of an hour.
func (r delayed) count(t *testing.T, lives, runs int) (opened int, seen []float64) {
	d, src := newRTT(t), newSource(*seed, 6)
	var h shift.Histogram
	for range lives {
		p, s := delayedPath{delayed: r, source: src}, d.Start()
		for w := range detect.Window(24 * time.Hour / width) {
			if p.draw(&h, 0); d.Observe(&s, w, &h) == detect.Opened {
				opened++
			}
		}
	}
	const inject = detect.Window(2 * time.Hour / width)
	for range runs {
		p, s := delayedPath{delayed: r, source: src}, d.Start()
		for w := range inject + detect.Window(15*time.Minute/width) {
			least := 0.
			if w >= inject {
				least = 1
			}
			if p.draw(&h, least); d.Observe(&s, w, &h) == detect.Opened && w >= inject {
				seen = append(seen, float64(w+1-inject)*width.Seconds())
				break
			}
		}
	}
	return opened, seen
}

func TestFalseAlarmDelayed(t *testing.T) {
	r := newReport("shift-delayed", "round trips", "series-days", "opened", "a series-day", "95 % bounds", "seen if all wait", "delay median", "p90")
	for _, delayed := range delays {
		runs := min(500, 20+*days/2)
		opened, seen := delayed.count(t, *days, runs)
		low, mean, high := rate(opened, float64(*days))
		r.row(delayed.String(), fmt.Sprint(*days), fmt.Sprint(opened), fmt.Sprintf("%.3f", mean), fmt.Sprintf("%.3f – %.3f", low, high),
			fmt.Sprintf("%d of %d", len(seen), runs), quantile(seen, 0.5), quantile(seen, 0.9))
		assert.LessOrEqual(t, low, mostShift, "%v", delayed)
		if delayed.values >= 20 && delayed.deviation <= .5 {
			assert.GreaterOrEqual(t, len(seen)*100, runs*95, "%v", delayed)
		}
	}
	r.finish(t)
}
