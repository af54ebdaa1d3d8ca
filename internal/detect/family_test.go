// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/detect/ratio"
)

type family = detect.Family[ratio.State, ratio.Pool, ratio.Counts]

func newFamily(t testing.TB, limit int, threshold float64) *family {
	t.Helper()
	d, err := ratio.New(ratio.Episodes(width, threshold))
	require.NoError(t, err)
	return detect.NewFamily(d, limit)
}

// A record is what a family told.
type record []detect.Verdict

func (r *record) emit(_ detect.Series, v detect.Verdict) { *r = append(*r, v) }

func TestAFamilyOpensUpdatesAndCloses(t *testing.T) {
	f, told := newFamily(t, 10, 16), record{}
	for w := range detect.Window(300) {
		for id := range uint64(5) {
			c := ratio.Counts{Trials: 5000, Events: 1}
			if id == 3 && w >= 100 && w < 150 {
				c.Events = 100
			}
			f.Observe(w, detect.Series{ID: id, Parents: [3]uint64{1, 2, 3}}, &c, told.emit)
		}
		f.Finish(w, told.emit)
	}
	require.Len(t, told, 3)
	assert.Equal(t, detect.Opened, told[0].Step)
	assert.Equal(t, detect.Updated, told[1].Step)
	assert.Equal(t, detect.Closed, told[2].Step)
	assert.Equal(t, detect.Recovered, told[2].Reason)
}

// The slot behind the latest one is a guess, which may be another series', or one that has
// made room.
func TestSeriesAreKnownInAnyOrder(t *testing.T) {
	const limit = 5
	tell := func(order func(w, n int) int) record {
		f, told := newFamily(t, limit, 16), record{}
		for w := range 300 {
			for n := range limit {
				id := order(w, n)
				c := ratio.Counts{Trials: 5000, Events: 1}
				if id == 3 && w >= 200 {
					c.Events = 100
				}
				if id == 4 && w >= 100 { // it has been idle for long enough, and another comes
					id = 100
				} else if id == 4 && w >= 20 {
					continue
				}
				f.Observe(detect.Window(w), detect.Series{ID: uint64(id)}, &c, told.emit)
			}
			f.Finish(detect.Window(w), told.emit)
		}
		assert.Equal(t, limit, f.Len())
		return told
	}
	same := tell(func(_, n int) int { return n })
	require.NotEmpty(t, same)
	assert.Equal(t, same, tell(func(w, n int) int { return (n + w) % limit }), "each window begins with another")
	assert.Equal(t, same, tell(func(w, n int) int { return (n*(w%4+1) + w) % limit }), "in strides")
}

func TestAnOpenSeriesThatIsNotHeardOfIsClosed(t *testing.T) {
	f, told := newFamily(t, 10, 16), record{}
	for w := range detect.Window(200) {
		if w < 110 {
			c := ratio.Counts{Trials: 5000, Events: 1}
			if w >= 100 {
				c.Events = 100
			}
			f.Observe(w, detect.Series{ID: 1}, &c, told.emit)
		}
		f.Finish(w, told.emit)
	}
	require.Len(t, told, 2)
	assert.Equal(t, detect.Stale, told[1].Reason)
}

func TestAMillionSeriesInAnHour(t *testing.T) {
	const limit, windows = 20_000, 360
	f, told := newFamily(t, limit, 16), record{}
	bytes := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, id := bytes(), uint64(1)
	for w := range detect.Window(windows) {
		for range 1_000_000 / windows {
			id++
			f.Observe(w, detect.Series{ID: id, Parents: [3]uint64{id}}, &ratio.Counts{Trials: 10}, told.emit)
		}
		f.Finish(w, told.emit)
	}
	assert.LessOrEqual(t, f.Len(), limit)
	assert.LessOrEqual(t, float64(bytes()-before)/limit, 1024., "bytes a series, with a parent each")
	losses := f.Losses()
	assert.Equal(t, id-1, uint64(f.Len())+losses.Evicted+losses.Refused, "each is watched, or counted")
	assert.Empty(t, told)
	runtime.KeepAlive(f)
}

func TestASeriesMakesRoomOnlyWhenItIsIdle(t *testing.T) {
	f, told := newFamily(t, 2, 16), record{}
	for w := range detect.Window(60) {
		f.Observe(w, detect.Series{ID: 1}, &ratio.Counts{Trials: 10}, told.emit)
		if w < 20 {
			f.Observe(w, detect.Series{ID: 2}, &ratio.Counts{Trials: 10}, told.emit)
		}
		if w == 30 || w == 55 {
			f.Observe(w, detect.Series{ID: 3}, &ratio.Counts{Trials: 10}, told.emit)
		}
		f.Finish(w, told.emit)
	}
	assert.Equal(t, detect.Losses{Refused: 1, Evicted: 1}, f.Losses())
}

func TestAnEvictedAnomalyIsClosed(t *testing.T) {
	f, told := newFamily(t, 1, 16), record{}
	for w := range detect.Window(20) {
		f.Observe(w, detect.Series{ID: 1}, &ratio.Counts{Trials: 5000, Events: 100}, told.emit)
	}
	f.Observe(60, detect.Series{ID: 2}, &ratio.Counts{Trials: 10}, told.emit)
	require.Len(t, told, 2)
	assert.Equal(t, detect.Evicted, told[1].Reason)
	f.Finish(60, told.emit)
	assert.Len(t, told, 2)
}

func TestWhatRisesTogetherNeedsLessEvidence(t *testing.T) {
	opened := func(bad uint64) int {
		f, told := newFamily(t, 1000, 30), record{}
		for w := range detect.Window(104) {
			for id := range uint64(1000) {
				c := ratio.Counts{Trials: 500}
				if id < bad && w >= 100 {
					c.Events = 2
				}
				f.Observe(w, detect.Series{ID: id}, &c, told.emit)
			}
			f.Finish(w, told.emit)
		}
		return len(told)
	}
	assert.Zero(t, opened(4))
	assert.Equal(t, 50, opened(50))
}

func TestASteadyFamilyDoesNotAllocate(t *testing.T) {
	f, told := newFamily(t, 100, 16), record{}
	w, c := detect.Window(0), ratio.Counts{Trials: 5000, Events: 2}
	emit := told.emit
	step := func() {
		for id := range uint64(100) {
			f.Observe(w, detect.Series{ID: id, Parents: [3]uint64{1}}, &c, emit)
		}
		f.Finish(w, emit)
		w++
	}
	step()
	assert.Zero(t, testing.AllocsPerRun(100, step))
}
