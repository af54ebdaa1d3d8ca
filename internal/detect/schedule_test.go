// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/detect/ratio"
)

const width = 10 * time.Second

type schedule = detect.Schedule[ratio.Counts, *ratio.Counts]

func newSchedule(limit int) *schedule {
	return detect.NewSchedule[ratio.Counts](width, limit)
}

func second(n float64) time.Time { return time.Unix(1_000_000, 0).Add(time.Duration(n * 1e9)) }

// add adds a trial that an agent tells at once.
func add(s *schedule, n float64, agent, series uint64) {
	s.Add(second(n), second(n), agent, detect.Series{ID: series}, &ratio.Counts{Trials: 1})
}

// trials are those of a series in the windows that are complete.
func trials(s *schedule, n float64) map[detect.Window]float64 {
	got := map[detect.Window]float64{}
	for {
		w, points, ok := s.Next(second(n))
		if !ok {
			return got
		}
		got[w-100_000] = 0
		for _, p := range points {
			got[w-100_000] += p.Data.Trials
		}
	}
}

func TestAWindowIsCompleteWhenAllAgentsHavePassedIt(t *testing.T) {
	s := newSchedule(10)
	add(s, 3, 1, 7)
	add(s, 8, 2, 7)
	assert.Empty(t, trials(s, 8), "nobody knows yet how often they tell")
	add(s, 13, 1, 7)
	assert.Empty(t, trials(s, 13), "agent 2 may have more")
	add(s, 18, 2, 7)
	assert.Equal(t, map[detect.Window]float64{0: 2, 1: 2}, trials(s, 18), "both will be in the next one")
}

func TestWhatComesInPiecesIsWaitedFor(t *testing.T) {
	s := newSchedule(10)
	s.Settle(time.Second)
	add(s, 3, 1, 7)
	add(s, 13, 1, 7)
	assert.Equal(t, map[detect.Window]float64{0: 1}, trials(s, 13.9), "there may be another piece")
	s.Add(second(13.9), second(13), 1, detect.Series{ID: 8}, &ratio.Counts{Trials: 1})
	assert.Equal(t, map[detect.Window]float64{1: 2}, trials(s, 14.9))
}

func TestAPlaceIsGoneWithItsWindow(t *testing.T) {
	s := newSchedule(10)
	p, ok := s.Place(second(3), second(3), 1, detect.Series{ID: 7})
	assert.True(t, ok)
	s.Data(p).Trials = 5
	assert.Equal(t, map[detect.Window]float64{0: 5}, trials(s, 30))
	assert.Nil(t, s.Data(p))
}

func TestAWindowIsNotWaitedForLongerThanAWindow(t *testing.T) {
	s := newSchedule(10)
	for _, n := range []float64{3, 13} {
		add(s, n, 1, 7)
		add(s, n+1, 2, 7)
	}
	trials(s, 14)
	add(s, 23, 1, 7)
	assert.Empty(t, trials(s, 39.9))
	assert.Equal(t, map[detect.Window]float64{2: 1}, trials(s, 40))
}

func TestAgentsThatTellOften(t *testing.T) {
	s := newSchedule(10)
	for n := range 10 {
		add(s, float64(n)+0.5, 1, 7)
		if n < 9 {
			assert.Empty(t, trials(s, float64(n)+0.5))
		}
	}
	assert.Equal(t, map[detect.Window]float64{0: 10}, trials(s, 9.5))
}

func TestLatePointsAreCounted(t *testing.T) {
	s := newSchedule(10)
	for n := range 4 {
		add(s, float64(10*n)+5, 1, 7)
		trials(s, float64(10*n)+5)
	}
	s.Add(second(36), second(15), 2, detect.Series{ID: 7}, &ratio.Counts{Trials: 100})
	assert.Equal(t, uint64(1), s.Ignored().Late)
	add(s, 45, 1, 7)
	assert.Equal(t, map[detect.Window]float64{4: 1}, trials(s, 60), "and not used")
}

func TestPointsOfOneWindowComeInAnyOrder(t *testing.T) {
	s := newSchedule(10)
	for _, n := range []float64{9, 1, 5} {
		s.Add(second(9), second(n), 1, detect.Series{ID: 7}, &ratio.Counts{Trials: 1})
	}
	assert.Equal(t, map[detect.Window]float64{0: 3}, trials(s, 20))
}

func TestAClockThatIsWrongHoldsNobodyUp(t *testing.T) {
	for _, off := range []float64{3600, -3600} {
		s := newSchedule(10)
		got := map[detect.Window]float64{}
		for n := range 10 {
			now := float64(10*n) + 5
			add(s, now, 1, 7)
			s.Add(second(now), second(now+off), 2, detect.Series{ID: 8}, &ratio.Counts{Trials: 10})
			for w, count := range trials(s, now) {
				got[w] = count
			}
		}
		for w := range detect.Window(10) {
			assert.InDelta(t, 11, got[w], 0, "window %d", w)
		}
		assert.Equal(t, uint64(10), s.Skewed())
		assert.Zero(t, s.Ignored())
	}
}

func TestAnIdleNightIsNotWalkedThrough(t *testing.T) {
	s := newSchedule(10)
	add(s, 5, 1, 7)
	assert.LessOrEqual(t, len(trials(s, 30_000)), 4)
	add(s, 30_005, 1, 7)
	assert.LessOrEqual(t, len(trials(s, 30_100)), 4)
}

func TestAWindowHoldsSoManySeries(t *testing.T) {
	s := newSchedule(10)
	for id := range uint64(1000) {
		add(s, 5, 1, id)
	}
	assert.Equal(t, uint64(990), s.Ignored().NoRoom)
	assert.Equal(t, map[detect.Window]float64{0: 10}, trials(s, 20))
}

func TestCollectingDoesNotAllocate(t *testing.T) {
	s := newSchedule(100)
	n, c := 0., ratio.Counts{Trials: 1}
	step := func() {
		n += 10
		for id := range uint64(100) {
			s.Add(second(n), second(n), 1, detect.Series{ID: id}, &c)
		}
		for ok := true; ok; {
			_, _, ok = s.Next(second(n))
		}
	}
	for range 10 {
		step()
	}
	assert.Zero(t, testing.AllocsPerRun(100, step))
}

// An agent's pace is how many windows it tells of at once. One step that is longer is a report that was lost.
func TestPace(t *testing.T) {
	for name, test := range map[string]struct {
		at   []float64
		want int32
	}{
		"one report":                       {[]float64{3}, 1},
		"two, of which nobody knows":       {[]float64{3, 63}, 1},
		"each minute":                      {[]float64{3, 63, 123}, 6},
		"each minute, and one is lost":     {[]float64{3, 63, 123, 243}, 6},
		"each minute, in pieces":           {[]float64{3, 63, 63, 123, 123, 123}, 6},
		"each five seconds":                {[]float64{3, 8, 13}, 1},
		"each 13 seconds":                  {[]float64{3, 16, 29}, 1},
		"each 16 seconds":                  {[]float64{3, 19, 35}, 2},
		"each minute no more":              {[]float64{3, 63, 123, 133, 143}, 1},
		"each hour, which is to be silent": {[]float64{3, 3603, 7203}, 12},
	} {
		s := newSchedule(10)
		var p detect.Place
		for _, at := range test.at {
			if placed, ok := s.Place(second(at), second(at), 1, detect.Series{ID: 7}); ok { // the window of a piece may be over
				p = placed
			}
			trials(s, at)
		}
		assert.Equal(t, test.want, p.Pace, name)
	}
}
