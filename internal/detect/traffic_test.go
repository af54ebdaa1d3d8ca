// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/detect/ratio"
)

// A traffic is what a series without a fault does, window by window; ok is false
// where it sends no data.
type traffic func(w int) (c ratio.Counts, ok bool)

// A quiet is a kind of traffic that must open nothing.
type quiet struct {
	name  string
	width time.Duration
	life  time.Duration // of a series, then comes a new one; 0 for no end
	make  func(src source, width time.Duration) traffic
}

const usualShare = 3e-4

// plain is so many segments a window, with episodes in groups of low to high.
func plain(segments float64, low, high int) func(source, time.Duration) traffic {
	return func(src source, _ time.Duration) traffic {
		return func(int) (ratio.Counts, bool) {
			n := src.count(segments)
			return ratio.Counts{Trials: n, Events: min(n, src.bursts(n*usualShare, low, high))}, true
		}
	}
}

// swing is ±80 % around so many segments, once a day.
func swing(segments float64) func(source, time.Duration) traffic {
	return func(src source, width time.Duration) traffic {
		return func(w int) (ratio.Counts, bool) {
			day := math.Sin(2 * math.Pi * float64(w) * width.Hours() / 24)
			n := src.count(segments * (1 + 0.8*day))
			return ratio.Counts{Trials: n, Events: min(n, src.bursts(n*usualShare, 1, 3))}, true
		}
	}
}

// restarts has two windows without data each six hours, then one in which
// connections are made anew, with three times the loss.
func restarts(src source, width time.Duration) traffic {
	every, at := int(6*time.Hour/width), src.IntN(1000)
	return func(w int) (ratio.Counts, bool) {
		n, share := src.count(500), usualShare
		switch (w + at) % every {
		case 0, 1:
			return ratio.Counts{}, false
		case 2:
			share *= 3
		}
		return ratio.Counts{Trials: n, Events: min(n, src.bursts(n*share, 1, 3))}, true
	}
}

// scaleUps multiplies or divides traffic by five about once an hour.
func scaleUps(src source, width time.Duration) traffic {
	segments := 500.
	return func(int) (ratio.Counts, bool) {
		if src.Float64() < width.Hours() {
			segments = []float64{100, 500, 2500}[src.IntN(3)]
		}
		n := src.count(segments)
		return ratio.Counts{Trials: n, Events: min(n, src.bursts(n*usualShare, 1, 3))}, true
	}
}

// newPeers differ: the share of one of three is more than half as large again.
func newPeers(src source, _ time.Duration) traffic {
	share := usualShare * math.Exp(0.5*src.NormFloat64())
	return func(int) (ratio.Counts, bool) {
		n := src.count(500)
		return ratio.Counts{Trials: n, Events: min(n, src.bursts(n*share, 1, 3))}, true
	}
}

// idleNights sends next to nothing for eight hours of a day.
func idleNights(src source, width time.Duration) traffic {
	return func(w int) (ratio.Counts, bool) {
		segments := 500.
		if math.Mod(float64(w)*width.Hours(), 24) < 8 {
			segments = 0.2
		}
		n := src.count(segments)
		return ratio.Counts{Trials: n, Events: min(n, src.bursts(n*usualShare, 1, 3))}, n > 0
	}
}

// agentRestarts leaves out four windows about twice a day; the next one has what
// happened in them, or, if counters were reset, only a part of its own.
func agentRestarts(src source, width time.Duration) traffic {
	away, missed := 0, 0.
	return func(int) (ratio.Counts, bool) {
		n := src.count(500)
		if away == 0 && src.Float64() < width.Hours()/12 {
			away = 4
		}
		if away > 0 {
			away--
			missed += n
			return ratio.Counts{}, false
		}
		if missed > 0 {
			n = []float64{n + missed, n / 3}[src.IntN(2)]
			missed = 0
		}
		return ratio.Counts{Trials: n, Events: min(n, src.bursts(n*usualShare, 1, 3))}, true
	}
}

// clockSteps sets the agent's clock about once an hour: right, wrong by up to two windows, or by up to ten
// minutes. What its points are of is for a schedule to say: a window may have nothing, or two windows' data.
func clockSteps(src source, width time.Duration) traffic {
	const agent, series = 1, 1
	s, epoch, wrong := detect.NewSchedule[ratio.Counts](width, 1), time.Unix(1_000_000_000, 0), time.Duration(0)
	return func(w int) (c ratio.Counts, ok bool) {
		if src.Float64() < width.Hours() {
			most := []time.Duration{0, 2 * width, 10 * time.Minute}[src.IntN(3)]
			wrong = time.Duration((2*src.Float64() - 1) * float64(most))
		}
		now, n := epoch.Add(time.Duration(w+1)*width-time.Second), src.count(500)
		s.Add(now, now.Add(wrong), agent, detect.Series{ID: series}, &ratio.Counts{Trials: n, Events: min(n, src.bursts(n*usualShare, 1, 3))})
		for _, points, complete := s.Next(now); complete; _, points, complete = s.Next(now) {
			for _, p := range points {
				c.Merge(&p.Data)
				ok = true
			}
		}
		return c, ok
	}
}

var quiets = []quiet{
	{"50 segments", 10 * time.Second, 0, plain(50, 1, 3)},
	{"500 segments", 10 * time.Second, 0, plain(500, 1, 3)},
	{"500 segments, 1 s", time.Second, 0, plain(500, 1, 3)},
	{"500 segments, 60 s", time.Minute, 0, plain(500, 1, 3)},
	{"5,000 segments", 10 * time.Second, 0, plain(5000, 1, 3)},
	{"500 segments, 4 to 10 episodes at once", 10 * time.Second, 0, plain(500, 4, 10)},
	{"daily swing ±80 %", 10 * time.Second, 0, swing(500)},
	{"rolling restarts", 10 * time.Second, 0, restarts},
	{"scale-ups and -downs ×5", 10 * time.Second, 0, scaleUps},
	{"new peers each 30 min", 10 * time.Second, 30 * time.Minute, newPeers},
	{"idle nights", 10 * time.Second, 0, idleNights},
	{"agent restarts, counter resets", 10 * time.Second, 0, agentRestarts},
	{"clock steps", 10 * time.Second, 0, clockSteps},
}

// Clocks that are set do move data: the simulation is of something.
func TestClockStepsMoveData(t *testing.T) {
	next := clockSteps(newSource(1, 1), 10*time.Second)
	var none, twice int
	for w := range 10 * 8640 {
		switch c, ok := next(w); {
		case !ok:
			none++
		case c.Trials > 800:
			twice++
		}
	}
	assert.Greater(t, none, 10)
	assert.Greater(t, twice, 10)
}
