// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package shift_test

import (
	"math"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/detect/shift"
)

const (
	width     = 10 * time.Second
	threshold = 16
)

// bell is a window of 320 values around a bucket, two octaves wide.
func bell(middle int) *shift.Histogram {
	var h shift.Histogram
	for i, count := range []uint32{20, 80, 120, 80, 20} {
		h.Counts[middle-2+i] = count
	}
	return &h
}

type watch struct {
	*shift.Detector
	state shift.State
	next  detect.Window
}

func newWatch(t *testing.T, config shift.Config) *watch {
	t.Helper()
	d, err := shift.New(config)
	require.NoError(t, err)
	return &watch{Detector: d, state: d.Start(), next: 1000}
}

func (w *watch) feed(windows int, h *shift.Histogram) detect.Step {
	for range windows {
		step := w.Observe(&w.state, w.next, h)
		w.next++
		if step != detect.Nothing {
			return step
		}
	}
	return detect.Nothing
}

const millisecond = 20 // the bucket up to 1.4 ms

func TestStateIsSmall(t *testing.T) {
	assert.LessOrEqual(t, unsafe.Sizeof(shift.State{}), uintptr(300))
}

// A hundredth of the round trips of 0.1 ms wait for an acknowledgement that the peer delays by 40 ms. When most of
// them are as long, that is seen, although such have been seen before.
func TestAFarShiftOpens(t *testing.T) {
	const tenth, delayed = 13, 30 // buckets
	for name, far := range map[string]uint32{"all": 320, "most": 224} {
		t.Run(name, func(t *testing.T) {
			w := newWatch(t, shift.RTT(width, threshold))
			usual, later := bell(tenth), &shift.Histogram{}
			usual.Counts[delayed] = 3
			require.Equal(t, detect.Nothing, w.feed(40, usual))
			for k, count := range bell(tenth).Counts {
				later.Counts[k] = count * (320 - far) / 320
			}
			later.Counts[delayed] = far
			assert.Equal(t, detect.Opened, w.feed(12, later))
		})
	}
}

func TestAShiftOpensAndCloses(t *testing.T) {
	w := newWatch(t, shift.RTT(width, threshold))
	require.Equal(t, detect.Nothing, w.feed(200, bell(millisecond)))
	began := w.next
	require.Equal(t, detect.Opened, w.feed(12, bell(millisecond+4)))
	v := w.Verdict(&w.state, detect.Opened)
	assert.Equal(t, began.Start(width), v.Start)
	assert.Equal(t, w.next.Start(width), v.Detected)
	assert.InDelta(t, 4, v.Ratio, 0.01)
	assert.InDelta(t, 4, v.Value/v.Baseline, 0.01)
	assert.InDelta(t, 0.00116, v.Baseline, 0.00005, "the middle of the median's bucket")
	assert.GreaterOrEqual(t, v.Peak, v.Value)
	assert.GreaterOrEqual(t, v.Evidence, v.Threshold)
	assert.InDelta(t, math.Sqrt2, v.Resolution, 1e-9)
	assert.Equal(t, uint64(320*(w.next-began)), v.Samples)

	require.Equal(t, detect.Nothing, w.feed(5, bell(millisecond+4)))
	ended := w.next
	require.Equal(t, detect.Closed, w.feed(12, bell(millisecond)))
	assert.Equal(t, ended+6, w.next)
	v = w.Verdict(&w.state, detect.Closed)
	assert.Equal(t, detect.Recovered, v.Reason)
	assert.Equal(t, ended.Start(width), v.End)
	assert.InDelta(t, 4, v.Ratio, 0.01)
	assert.Equal(t, detect.Nothing, w.feed(1000, bell(millisecond)))
}

func TestAShiftDownOpensNothing(t *testing.T) {
	w := newWatch(t, shift.RTT(width, threshold))
	w.feed(200, bell(millisecond))
	assert.Equal(t, detect.Nothing, w.feed(100, bell(millisecond-4)))
}

func TestAShiftThatNobodyCaresAboutOpensNothing(t *testing.T) {
	w := newWatch(t, shift.RTT(width, threshold))
	w.feed(200, bell(millisecond-12))
	assert.Equal(t, detect.Nothing, w.feed(100, bell(millisecond-8)), "16 µs to 64 µs")
	for _, far := range []bool{true, false} { // a rise by 2.6 ms
		w = newWatch(t, shift.RTT(width, threshold))
		before, after := bell(millisecond), bell(millisecond+3)
		before.Far, after.Far = far, far
		w.feed(200, before)
		assert.Equal(t, map[bool]detect.Step{true: detect.Nothing, false: detect.Opened}[far], w.feed(100, after), "between zones: %t", far)
	}
}

func TestAYoungSeriesIsNotJudged(t *testing.T) {
	w := newWatch(t, shift.RTT(width, threshold))
	w.feed(5, bell(millisecond))
	assert.Equal(t, detect.Nothing, w.feed(7, bell(millisecond+8)))
}

func TestSpikesOpenNothing(t *testing.T) {
	w := newWatch(t, shift.RTT(width, threshold))
	for range 200 {
		require.Equal(t, detect.Nothing, w.feed(20, bell(millisecond)))
		require.Equal(t, detect.Nothing, w.feed(1, bell(millisecond+10)))
	}
}

func TestAnOpenSeriesWithoutDataIsStale(t *testing.T) {
	w := newWatch(t, shift.RTT(width, threshold))
	w.feed(200, bell(millisecond))
	require.Equal(t, detect.Opened, w.feed(12, bell(millisecond+4)))
	last := w.next
	require.Equal(t, detect.Closed, w.feed(100, &shift.Histogram{}))
	assert.Equal(t, last+30, w.next)
	v := w.Verdict(&w.state, detect.Closed)
	assert.Equal(t, detect.Stale, v.Reason)
	assert.Equal(t, last.Start(width), v.End)
}

func TestWhatLastsTwoDaysIsUsual(t *testing.T) {
	w := newWatch(t, shift.RTT(width, threshold))
	w.feed(200, bell(millisecond))
	updates := -1
	for step := detect.Opened; step != detect.Closed; step = w.feed(1000, bell(millisecond+4)) {
		updates++
	}
	assert.InDelta(t, 48*12, updates, 2, "one each five minutes")
	assert.Equal(t, detect.Expired, w.Verdict(&w.state, detect.Closed).Reason)
	assert.Equal(t, detect.Nothing, w.feed(1000, bell(millisecond+4)))
}

func TestOctavesSayThatTheyAre(t *testing.T) {
	octaves := func(exponent int) *shift.Histogram {
		var h shift.Histogram
		require.NoError(t, h.AddExponential(0, exponent, []uint64{50, 200, 50}))
		return &h
	}
	w := newWatch(t, shift.RTT(width, threshold))
	require.Equal(t, detect.Nothing, w.feed(200, octaves(-10)))
	require.Equal(t, detect.Opened, w.feed(12, octaves(-8)))
	assert.InDelta(t, 2, w.Verdict(&w.state, detect.Opened).Resolution, 1e-9)
}

func TestANewSeriesTakesAfterItsParents(t *testing.T) {
	old, pool := newWatch(t, shift.RTT(width, threshold)), shift.Pool{}
	for range 100 {
		old.feed(1, bell(millisecond))
		old.Teach(&pool, &old.state, old.next-1, bell(millisecond))
	}
	var few shift.Histogram
	few.Counts[millisecond] = 20
	child := newWatch(t, shift.RTT(width, threshold))
	child.Inherit(&child.state, &[3]*shift.Pool{nil, {}, &pool})
	orphan := newWatch(t, shift.RTT(width, threshold))
	assert.NotEqual(t, orphan.state, child.state)
	assert.Equal(t, detect.Nothing, child.feed(100, &few))
}

func TestConfig(t *testing.T) {
	c := shift.Jitter(width, threshold)
	c.Times = 0.5
	_, err := shift.New(c)
	assert.EqualError(t, err, "check Times: 0.5 is not from 1 to 1000")
}

// What fell silent is no anomaly that goes on because values come again: it takes one that speaks for it.
func TestValuesAfterASilence(t *testing.T) {
	silenced := func() *watch {
		w := newWatch(t, shift.RTT(width, threshold))
		require.Equal(t, detect.Nothing, w.feed(40, bell(millisecond)))
		require.Equal(t, detect.Opened, w.feed(12, bell(millisecond+4)))
		require.Equal(t, detect.Nothing, w.feed(2, bell(millisecond+4)))
		require.False(t, w.Fading(&w.state, w.next-1, false))
		w.next += 3
		require.True(t, w.Fading(&w.state, w.next-1, false))
		return w
	}
	few := &shift.Histogram{}
	few.Counts[millisecond] = 2
	w := silenced()
	w.feed(1, few)
	assert.True(t, w.Fading(&w.state, w.next-1, false), "as ever")
	w = silenced()
	w.feed(1, bell(millisecond+4))
	assert.False(t, w.Fading(&w.state, w.next-1, false), "higher still")
}

// What seems to be over does not go on because of one window that is a little higher, as those of a busy host are.
func TestAFadedShiftGoesOnOnlyForMore(t *testing.T) {
	w := newWatch(t, shift.RTT(width, threshold))
	require.Equal(t, detect.Nothing, w.feed(40, bell(millisecond)))
	require.Equal(t, detect.Opened, w.feed(12, bell(millisecond+4)))
	fading := false
	look := func() bool { fading = w.Fading(&w.state, w.next-1, fading); return fading }
	require.False(t, look())
	for !look() {
		w.feed(1, bell(millisecond))
	}
	few := &shift.Histogram{}
	few.Counts[millisecond+3] = 4
	for w.Fading(&w.state, w.next-1, false) {
		require.True(t, look())
		w.feed(1, few)
	}
	assert.True(t, look(), "what opens one is not what makes it go on")
	w.feed(1, bell(millisecond+4))
	assert.False(t, look())
}
