// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ratio_test

import (
	"math"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/detect/ratio"
)

const (
	width     = 10 * time.Second
	threshold = 16
)

// A watch is one series and what its detector said of it.
type watch struct {
	*ratio.Detector
	state ratio.State
	next  detect.Window
	steps []detect.Step
}

func newWatch(t *testing.T, config ratio.Config) *watch {
	t.Helper()
	d, err := ratio.New(config)
	require.NoError(t, err)
	return &watch{Detector: d, state: d.Start(), next: 1000}
}

// feed gives so many equal windows, until one of them is a step.
func (w *watch) feed(windows int, n, r float64) detect.Step {
	for range windows {
		step := w.Observe(&w.state, w.next, &ratio.Counts{Trials: n, Events: r})
		w.next++
		if step != detect.Nothing {
			w.steps = append(w.steps, step)
			return step
		}
	}
	return detect.Nothing
}

func at(w detect.Window) time.Time { return w.Start(width) }

func TestStateIsSmall(t *testing.T) {
	assert.LessOrEqual(t, unsafe.Sizeof(ratio.State{}), uintptr(300))
}

func TestARiseOpensAfterThreeWindowsAndClosesAMinuteAfterItsEnd(t *testing.T) {
	w := newWatch(t, ratio.Episodes(width, threshold))
	require.Equal(t, detect.Nothing, w.feed(100, 5000, 1))
	began := w.next
	require.Equal(t, detect.Opened, w.feed(10, 5000, 150))
	assert.Equal(t, began+3, w.next, "three windows with events are the least")

	v := w.Verdict(&w.state, detect.Opened)
	assert.Equal(t, detect.Rise, v.Change)
	assert.Equal(t, at(began), v.Start)
	assert.Equal(t, at(began+3), v.Detected)
	assert.Zero(t, v.End)
	assert.InDelta(t, 0.03, v.Value, 1e-9)
	assert.InDelta(t, 0.03, v.Peak, 1e-9)
	assert.InDelta(t, 2e-4, v.Baseline, 1e-5, "100 windows at 0.02 %%, and 5000 trials at 0.03 %%")
	assert.InDelta(t, v.Value/v.Baseline, v.Ratio, 1e-9)
	assert.Equal(t, uint64(15_000), v.Samples)
	assert.GreaterOrEqual(t, v.Evidence, v.Threshold)

	require.Equal(t, detect.Nothing, w.feed(10, 5000, 300))
	ended := w.next
	require.Equal(t, detect.Closed, w.feed(20, 5000, 1))
	assert.Equal(t, ended+6, w.next)
	v = w.Verdict(&w.state, detect.Closed)
	assert.Equal(t, detect.Recovered, v.Reason)
	assert.Equal(t, at(ended), v.End)
	assert.InDelta(t, 0.06, v.Peak, 1e-9)
	assert.InDelta(t, (3*150+10*300)/(13*5000.), v.Value, 1e-9, "without the quiet windows")
	assert.Equal(t, detect.Nothing, w.feed(1000, 5000, 1), "it stays closed")
}

func TestTheBaselineIsFrozenWhileOpen(t *testing.T) {
	w := newWatch(t, ratio.Episodes(width, threshold))
	w.feed(100, 5000, 1)
	require.Equal(t, detect.Opened, w.feed(10, 5000, 150))
	before := w.Verdict(&w.state, detect.Opened).Baseline
	for w.feed(1, 5000, 150) != detect.Updated {
	}
	w.feed(1000, 5000, 1)
	require.Equal(t, detect.Opened, w.feed(10, 5000, 150), "what was open is no baseline")
	assert.InDelta(t, before, w.Verdict(&w.state, detect.Opened).Baseline, 1e-4)
}

func TestOneBurstOpensNothing(t *testing.T) {
	w := newWatch(t, ratio.Episodes(width, threshold))
	w.feed(100, 500, 0)
	assert.Equal(t, detect.Nothing, w.feed(1, 500, 200))
	assert.Equal(t, detect.Nothing, w.feed(200, 500, 0))
	assert.Equal(t, detect.Nothing, w.feed(2, 500, 200), "one that reaches over a window's end")
	assert.Equal(t, detect.Nothing, w.feed(200, 500, 0))
}

func TestFewEventsOpenNothing(t *testing.T) {
	const low = 4 // so that nothing but the number of events decides
	w := newWatch(t, ratio.Episodes(width, low))
	w.feed(10_000, 5, 0)
	assert.Equal(t, detect.Nothing, w.feed(4, 5, 1), "four events, 20 %% of what was sent")
	assert.Equal(t, detect.Opened, w.feed(1, 5, 1))
}

func TestAYoungSeriesOpensByALargeRiseOnly(t *testing.T) {
	w := newWatch(t, ratio.Episodes(width, threshold))
	require.Equal(t, detect.Opened, w.feed(3, 5000, 150))
	assert.Equal(t, detect.Absolute, w.Verdict(&w.state, detect.Opened).Change)

	w = newWatch(t, ratio.Episodes(width, threshold))
	assert.Equal(t, detect.Nothing, w.feed(1000, 5000, 20), "0.4 %% is how it is")
	assert.Equal(t, detect.Opened, w.feed(100, 5000, 100), "not so 2 %%")
}

func TestUpdatesComeEachFiveMinutes(t *testing.T) {
	w := newWatch(t, ratio.Episodes(width, threshold))
	w.feed(100, 5000, 1)
	require.Equal(t, detect.Opened, w.feed(3, 5000, 150))
	opened := w.next
	for i := range detect.Window(3) {
		require.Equal(t, detect.Updated, w.feed(100, 5000, 150))
		assert.Equal(t, opened+30*(i+1), w.next)
	}
}

func TestAnOpenSeriesWithoutDataIsStale(t *testing.T) {
	w := newWatch(t, ratio.Episodes(width, threshold))
	w.feed(100, 5000, 1)
	require.Equal(t, detect.Opened, w.feed(3, 5000, 150))
	last := w.next
	require.Equal(t, detect.Closed, w.feed(100, 0, 0))
	assert.Equal(t, last+30, w.next)
	v := w.Verdict(&w.state, detect.Closed)
	assert.Equal(t, detect.Stale, v.Reason)
	assert.Equal(t, at(last), v.End, "when data ended")
}

func TestWhatLastsTwoDaysIsTheBaseline(t *testing.T) {
	w := newWatch(t, ratio.Episodes(width, threshold))
	w.feed(100, 5000, 1)
	began := w.next
	require.Equal(t, detect.Opened, w.feed(3, 5000, 150))
	for w.feed(1000, 5000, 150) == detect.Updated {
	}
	assert.Equal(t, detect.Expired, w.Verdict(&w.state, detect.Closed).Reason)
	assert.InDelta(t, 48*360, float64(w.next-began), 1)
	assert.Equal(t, detect.Nothing, w.feed(10_000, 5000, 150), "it is not told again")
	assert.Equal(t, detect.Opened, w.feed(100, 5000, 600), "but a rise above it is")
}

func TestAPairOfFaultsIsTwoAnomalies(t *testing.T) {
	w := newWatch(t, ratio.Episodes(width, threshold))
	w.feed(100, 5000, 1)
	for range 2 {
		require.Equal(t, detect.Opened, w.feed(10, 5000, 150))
		require.Equal(t, detect.Closed, w.feed(20, 5000, 1))
	}
	assert.Len(t, w.steps, 4)
}

func TestAGapEndsAnExcursion(t *testing.T) {
	w := newWatch(t, ratio.Episodes(width, threshold))
	w.feed(100, 5000, 1)
	require.Equal(t, detect.Nothing, w.feed(2, 5000, 150))
	w.next += 31
	assert.Equal(t, detect.Nothing, w.feed(2, 5000, 150))
	assert.Equal(t, detect.Opened, w.feed(1, 5000, 150))
}

func TestConnects(t *testing.T) {
	w := newWatch(t, ratio.Connects(width, threshold))
	require.Equal(t, detect.Nothing, w.feed(100, 20, 0))
	require.Equal(t, detect.Opened, w.feed(5, 20, 20), "all refused")
	assert.InDelta(t, 1, w.Verdict(&w.state, detect.Opened).Value, 1e-9)
	require.Equal(t, detect.Closed, w.feed(20, 20, 0))
}

func TestMoreEventsThanTrials(t *testing.T) {
	w := newWatch(t, ratio.Connects(width, threshold))
	w.feed(100, 20, 0)
	require.Equal(t, detect.Opened, w.feed(5, 4, 20), "each retransmitted SYN overflows again")
	assert.LessOrEqual(t, w.Verdict(&w.state, detect.Opened).Value, 1.)
}

func TestASeriesThatAlwaysFailsCannotRise(t *testing.T) {
	w := newWatch(t, ratio.Connects(width, threshold))
	w.feed(5, 20, 20)
	for w.feed(1000, 20, 20) != detect.Closed {
	}
	assert.Equal(t, detect.Expired, w.Verdict(&w.state, detect.Closed).Reason)
	assert.Equal(t, detect.Nothing, w.feed(1000, 20, 20))
	assert.False(t, math.IsNaN(w.Verdict(&w.state, detect.Closed).Evidence))
}

func TestANewSeriesTakesAfterItsParents(t *testing.T) {
	old, pool := newWatch(t, ratio.Episodes(width, threshold)), ratio.Pool{}
	for range 1000 {
		old.Inherit(&old.state, &[3]*ratio.Pool{&pool})
		old.feed(1, 5000, 10)
		old.Teach(&pool, &old.state, old.next-1, &ratio.Counts{Trials: 5000, Events: 10})
	}
	lone, child := newWatch(t, ratio.Episodes(width, threshold)), newWatch(t, ratio.Episodes(width, threshold))
	child.Inherit(&child.state, &[3]*ratio.Pool{nil, {}, &pool})
	assert.Equal(t, detect.Opened, lone.feed(5, 5000, 30))
	assert.Equal(t, detect.Nothing, child.feed(5, 5000, 30), "0.6 %% is less than five times 0.2 %%")
}

func TestConfig(t *testing.T) {
	c := ratio.Episodes(width, threshold)
	c.Prior = math.NaN()
	_, err := ratio.New(c)
	assert.EqualError(t, err, "check Prior: NaN is not above 0 and at most 0.5")
}

func TestWhatIsNoCountIsIgnored(t *testing.T) {
	w := newWatch(t, ratio.Episodes(width, threshold))
	w.feed(100, 5000, 1)
	before := w.state
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1} {
		w.feed(10, bad, 1)
		w.feed(10, 5000, bad)
	}
	w.next = 1000
	w.feed(50, 5000, 5000)
	assert.Equal(t, before, w.state, "nor are windows that come late")
}

// What seems to be over goes on only when half of what speaks against it is taken back.
func TestAFadedRiseGoesOnOnlyForMore(t *testing.T) {
	w := newWatch(t, ratio.Episodes(width, threshold))
	require.Equal(t, detect.Nothing, w.feed(100, 5000, 1))
	require.Equal(t, detect.Opened, w.feed(10, 5000, 150))
	fading := false
	look := func() bool { fading = w.Fading(&w.state, w.next-1, fading); return fading }
	require.False(t, look())
	for !look() {
		w.feed(1, 5000, 1)
	}
	for w.Fading(&w.state, w.next-1, false) {
		require.True(t, look())
		w.feed(1, 160, 1)
	}
	assert.True(t, look(), "what opens one is not what makes it go on")
	w.feed(1, 5000, 150)
	assert.False(t, look())
}
