// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package level_test

import (
	"math"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/detect/level"
)

const width = 10 * time.Second

// feed gives values in turn until one is a step.
func feed(d *level.Detector, s *level.State, windows int, values ...float64) detect.Step {
	for i := range windows {
		if step := d.Observe(s, s.Last()+1, values[i%len(values)]); step != detect.Nothing {
			return step
		}
	}
	return detect.Nothing
}

func newDetector(t *testing.T) *level.Detector {
	t.Helper()
	d, err := level.New(width)
	require.NoError(t, err)
	return d
}

func TestStateIsSmall(t *testing.T) {
	assert.LessOrEqual(t, unsafe.Sizeof(level.State{}), uintptr(300))
}

func TestALevelOpensAtItsThirdWindow(t *testing.T) {
	for _, c := range []struct {
		name   string
		value  float64
		change detect.Change
	}{{"above", 300, detect.Rise}, {"below", -100, detect.Drop}} {
		t.Run(c.name, func(t *testing.T) {
			d, s := newDetector(t), level.State{}
			require.Equal(t, detect.Nothing, feed(d, &s, 100, 95, 105))
			last := s.Last()
			require.Equal(t, detect.Nothing, feed(d, &s, 2, c.value))
			require.Equal(t, detect.Opened, feed(d, &s, 1, c.value))
			v := d.Verdict(&s, detect.Opened)
			assert.Equal(t, c.change, v.Change)
			assert.InDelta(t, 100, v.Baseline, 1)
			assert.InDelta(t, c.value, v.Value, 1e-9)
			assert.InDelta(t, c.value, v.Peak, 1e-9)
			assert.Equal(t, (last + 1).Start(width), v.Start)
			assert.Equal(t, (last + 4).Start(width), v.Detected)
			assert.Greater(t, v.Evidence, v.Threshold)

			require.Equal(t, detect.Closed, feed(d, &s, 10, 95, 105))
			v = d.Verdict(&s, detect.Closed)
			assert.Equal(t, detect.Recovered, v.Reason)
			assert.Equal(t, (last + 4).Start(width), v.End)
			assert.Equal(t, last+9, s.Last(), "a minute after its end")
		})
	}
}

func TestTwoWindowsInARowOpenNothing(t *testing.T) {
	d, s := newDetector(t), level.State{}
	feed(d, &s, 100, 95, 105)
	assert.Equal(t, detect.Nothing, feed(d, &s, 300, 300, 300, 100))
	assert.Equal(t, detect.Nothing, feed(d, &s, 300, 300, 300, -100), "nor do three to different sides")
}

func TestAGaugeThatNeverMovedDoesNotOpenByAHair(t *testing.T) {
	d, s := newDetector(t), level.State{}
	feed(d, &s, 100, 100)
	assert.Equal(t, detect.Nothing, feed(d, &s, 10, 140))
	feed(d, &s, 1000, 100)
	assert.Equal(t, detect.Opened, feed(d, &s, 3, 200))
}

func TestAnOpenLevelWithoutDataIsStale(t *testing.T) {
	d, s := newDetector(t), level.State{}
	feed(d, &s, 100, 95, 105)
	require.Equal(t, detect.Opened, feed(d, &s, 3, 300))
	assert.Equal(t, detect.Nothing, d.Idle(&s, s.Last()+29))
	assert.Equal(t, detect.Closed, d.Idle(&s, s.Last()+30))
	assert.Equal(t, detect.Stale, d.Verdict(&s, detect.Closed).Reason)
}

func TestWhatLastsTwoDaysIsTheLevel(t *testing.T) {
	d, s := newDetector(t), level.State{}
	feed(d, &s, 100, 95, 105)
	for step := feed(d, &s, 3, 300); step != detect.Closed; step = feed(d, &s, 1000, 300) {
	}
	assert.Equal(t, detect.Expired, d.Verdict(&s, detect.Closed).Reason)
	assert.Equal(t, detect.Nothing, feed(d, &s, 1000, 300))
}

func TestWhatIsNoNumberIsIgnored(t *testing.T) {
	d, s := newDetector(t), level.State{}
	feed(d, &s, 100, 95, 105)
	before := s
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		assert.Equal(t, detect.Nothing, d.Observe(&s, s.Last()+1, bad))
	}
	assert.Equal(t, detect.Nothing, d.Observe(&s, s.Last(), 300), "nor are windows that come late")
	assert.Equal(t, before, s)
}
