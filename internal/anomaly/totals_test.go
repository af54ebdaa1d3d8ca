// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/engine"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// rise is an anomaly of one of many types that opens.
func rise(kind int, at time.Time) *engine.Event {
	return &engine.Event{At: at, Anomaly: &engine.Anomaly{Type: fmt.Sprint("type-", kind), Verdict: detect.Verdict{Step: detect.Opened}}}
}

// countOf returns the point of a type; it is false if that is not told of.
func countOf(t *totals, kind int, now time.Time) (pmetric.NumberDataPoint, bool) {
	for _, p := range t.write("", "", now, (*verdictCount).write).ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().All() {
		if text(p.Attributes(), names.AnomalyType) == fmt.Sprint("type-", kind) {
			return p, true
		}
	}
	return pmetric.NumberDataPoint{}, false
}

// What has not come for an hour gives way to what is new, the oldest first, and is another sum when it comes again:
// no sum falls while it goes on.
func TestTotalsForgetWhatIsOver(t *testing.T) {
	sums := newTotals(morning)
	for n := range maxTotals {
		sums.add(rise(n, morning.Add(time.Duration(n)*time.Second)))
	}
	sums.add(rise(0, morning.Add(30*time.Minute)))
	sums.add(rise(maxTotals, morning.Add(59*time.Minute)))
	assert.EqualValues(t, 1, sums.overflow, "all may come again soon")

	later := morning.Add(time.Hour + time.Second)
	sums.add(rise(maxTotals, later))
	assert.EqualValues(t, 1, sums.overflow)
	_, told := countOf(sums, 1, later)
	assert.False(t, told, "the oldest is forgotten")
	p, told := countOf(sums, 0, later)
	require.True(t, told)
	assert.EqualValues(t, 2, p.IntValue())
	assert.Equal(t, morning, p.StartTimestamp().AsTime())

	again := later.Add(time.Minute)
	sums.add(rise(1, again))
	p, told = countOf(sums, 1, again)
	require.True(t, told)
	assert.EqualValues(t, 1, p.IntValue())
	assert.True(t, p.StartTimestamp().AsTime().After(morning.Add(time.Second)), "after it was told of last")
	assert.False(t, p.StartTimestamp().AsTime().After(again))
	assert.LessOrEqual(t, len(sums.anomalies), maxTotals)
}

// A sum is told as of its start while a clock that was set back is behind it: no point is before that.
func TestTotalsWhileTheClockIsSetBack(t *testing.T) {
	sums := newTotals(morning)
	sums.add(rise(1, morning.Add(time.Minute)))
	for at, want := range map[time.Duration]time.Duration{-time.Hour: 0, time.Hour: time.Hour} {
		p, told := countOf(sums, 1, morning.Add(at))
		require.True(t, told)
		assert.Equal(t, morning, p.StartTimestamp().AsTime())
		assert.Equal(t, morning.Add(want), p.Timestamp().AsTime())
	}
}
