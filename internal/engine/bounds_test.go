// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/engine"
	"github.com/tcpwhy/tcpwhy/internal/localize"
)

// What cannot be, comes too late or twice opens nothing.
func TestBadInputOpensNothing(t *testing.T) {
	w := newWorld(t, width)
	request, response := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
	nonsense := []float64{math.NaN(), math.Inf(1), math.Inf(-1), -5, 1e300}
	for _, l := range []*link{request, response} {
		l.fault = func(w *world, l *link, at uint64) {
			x := nonsense[w.random.IntN(len(nonsense))]
			w.Sum(w.now, l.flow, at, engine.Episodes, min(x, 0))            // never more than there were
			w.Sum(w.now, l.flow, at-uint64(3*width), engine.Episodes, 1000) // its window has been judged
			w.Sum(w.now, l.flow, 0, engine.Exchanges, x)
			w.Gauge(w.now, l.flow, at, engine.MinRTT, x)
			w.Gauge(w.now, l.flow, at, engine.ReceiveScale, x)
			w.Gauge(w.now, l.flow, math.MaxUint64, engine.Awaiting, x)
			w.Exponential(w.now, l.flow, at, engine.RTT, -20, 0, []uint64{1000})
			w.Explicit(w.now, l.flow, at, engine.RTT, []float64{.3, .2}, []uint64{1000, 1000, 1000})
		}
	}
	w.run(60)
	assert.Empty(t, w.told)
	losses := w.Losses()
	assert.NotZero(t, losses.Skewed)
	assert.GreaterOrEqual(t, losses.Late, uint64(2*50))
	assert.EqualValues(t, 2*2*60, losses.Malformed)
}

// Of counters that begin anew without saying so one may be told a window before the other: what was sent again, and
// nothing that was sent, is half of a report.
func TestHalfOfAReportIsNoLoss(t *testing.T) {
	w := newWorld(t, width)
	request, _ := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
	w.run(60)
	request.segments = 0
	request.fault = func(w *world, l *link, at uint64) {
		w.Sum(w.now, l.flow, at, engine.Episodes, 4)
		w.Sum(w.now, l.flow, at, engine.RetransmitFast, 4)
	}
	w.run(5)
	assert.Empty(t, w.told)
	assert.Zero(t, w.Sizes().Anomalies)
	request.segments = 100 // and as much of what was sent is one
	w.run(5)
	assert.Len(t, w.told, 1)
}

// A million pairs in an hour, as of a scanner, take no more than there is room for, and what
// found none is counted.
func TestAMillionPairsAreBounded(t *testing.T) {
	const tracks = 5000
	e, err := engine.New(engine.Settings{Width: width, Tracks: tracks, FalseADay: 1})
	require.NoError(t, err)
	w := &world{Engine: e, width: width, now: newWorld(t, width).now}
	before := heap()
	perWindow, windows := 1_000_000/360, 360
	for n := range windows {
		w.now = w.now.Add(width)
		for i := range perWindow {
			to := localize.End{Workload: localize.Name{Name: "scanned"}}
			to.Pod.Name = string(rune(0x4e00+i)) + string(rune(0x4e00+n))
			f := w.Flow(engine.Spec{Agent: 1, Role: engine.Client, Source: pod("scanner", 1, 1), Destination: to})
			w.Sum(w.now, f, uint64(w.now.UnixNano()), engine.DataSegments, 1)
		}
		w.judge()
	}
	assert.LessOrEqual(t, w.Sizes().Tracks, tracks)
	assert.NotZero(t, w.Losses().Refused)
	assert.Less(t, heap()-before, int64(64<<20))
	assert.Empty(t, w.told)
	runtime.KeepAlive(w)
}

// Calls are remembered for longer than pairs of pods that are silent. What finds no room among them is counted.
func TestCallsBeyondTheirRoomAreCounted(t *testing.T) {
	e, err := engine.New(engine.Settings{Width: width, Tracks: 3, FalseADay: 1})
	require.NoError(t, err)
	w := &world{Engine: e, width: width, now: newWorld(t, width).now}
	calls := func(servers ...string) {
		w.now = w.now.Add(width)
		for _, name := range servers {
			f := w.Flow(engine.Spec{Agent: 1, Role: engine.Client, Source: pod("client", 1, 1), Destination: pod(name, 1, 2)})
			w.Sum(w.now, f, uint64(w.now.UnixNano()), engine.DataSegments, 1)
		}
		w.judge()
	}
	calls("a", "b", "c")
	for w.Sizes().Tracks > 1 {
		calls("a")
	}
	require.Zero(t, w.Losses().Calls)
	calls("a", "d")
	calls("a") // so that the one before is judged
	calls("a")
	require.Zero(t, w.Losses().Refused)
	assert.NotZero(t, w.Losses().Calls)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
