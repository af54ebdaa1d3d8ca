// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/tcpwhy/tcpwhy/internal/anomaly/internal/metadatatest"
	"github.com/tcpwhy/tcpwhy/internal/engine"
	"github.com/tcpwhy/tcpwhy/internal/problem"
)

func noRoom(n int64) []metricdata.DataPoint[int64] {
	return []metricdata.DataPoint[int64]{{Value: n, Attributes: attribute.NewSet(attribute.String("reason", "no_room"))}}
}

// An agent's clock that is an hour slow is told of, and its flows are watched. What it tells first
// is from before the start, and says nothing.
func TestAWrongClockIsCounted(t *testing.T) {
	for slow, skewed := range map[time.Duration]int64{0: 0, time.Hour: 2} {
		cfg, err := load(t, map[string]any{"identity": map[string]any{"static": map[string]any{"file": writeIdentities(t)}}})
		require.NoError(t, err)
		p := startMetrics(t, cfg, componenttest.NewNopHost(), morning)
		p.slow = slow
		for n := range 3 {
			p.tell(5000*n, n)
		}
		point := func(n int64) []metricdata.DataPoint[int64] { return []metricdata.DataPoint[int64]{{Value: n}} }
		metadatatest.AssertEqualTCPAnomalyDetectionReportsSkewed(t, p.self, point(skewed), metricdatatest.IgnoreTimestamp())
		metadatatest.AssertEqualTCPAnomalyPairs(t, p.self, point(1), metricdatatest.IgnoreTimestamp())
	}
}

// There are 1,001 problems to remember, and room for 1,000.
func TestProblemsBeyondTheirRoomAreCounted(t *testing.T) {
	full := problem.NewRegister(2000, time.Minute)
	var findings []problem.Finding
	for n := range 1001 {
		id := fmt.Sprint("anomaly-", n)
		findings = append(findings, problem.Finding{Class: id, Members: []problem.Anomaly{{ID: id, Gate: problem.Alone, Onset: morning}}})
	}
	require.Len(t, full.Observe(morning, findings, nil), 1001)
	shelf := newShelf()
	var err error
	shelf.kept[problemsKey], err = full.Save(0)
	require.NoError(t, err)
	p := startMetrics(t, stored(t, "shelf"), shelf, morning)
	metadatatest.AssertEqualTCPAnomalyProblemsDropped(t, p.self, noRoom(1), metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualTCPAnomalyStorageFailures(t, p.self, []metricdata.DataPoint[int64]{{Value: 0}}, metricdatatest.IgnoreTimestamp())
}

func TestTotalsBeyondTheirRoomAreCounted(t *testing.T) {
	cfg, err := load(t, map[string]any{"identity": map[string]any{"static": map[string]any{"file": writeIdentities(t)}}})
	require.NoError(t, err)
	p := startMetrics(t, cfg, componenttest.NewNopHost(), morning)
	for n := range maxTotals + 2 {
		opened := &problem.Change{State: problem.Open, Problem: problem.Problem{ID: fmt.Sprint(n)}}
		opened.Problem.Node.Name = fmt.Sprint(n)
		p.metrics.desk.totals.add(&engine.Event{Problem: opened})
	}
	metadatatest.AssertEqualTCPAnomalyTotalsOverflow(t, p.self, noRoom(2), metricdatatest.IgnoreTimestamp())
}

// What cannot be kept is counted, until it can.
func TestWhatIsNotSavedIsCounted(t *testing.T) {
	shelf := newShelf()
	p := startMetrics(t, stored(t, "shelf"), shelf, morning)
	failures := func(n int64) {
		t.Helper()
		metadatatest.AssertEqualTCPAnomalyStorageFailures(t, p.self, []metricdata.DataPoint[int64]{{Value: n}}, metricdatatest.IgnoreTimestamp())
	}
	shelf.full = errors.New("no space left on device")
	p.lose(func() {})
	p.metrics.memory.save(t.Context(), p.metrics.desk)
	p.metrics.memory.save(t.Context(), p.metrics.desk)
	failures(2)
	shelf.full = nil
	p.metrics.memory.save(t.Context(), p.metrics.desk)
	failures(2)
	assert.Contains(t, string(shelf.kept[problemsKey]), "tcp_retransmit_rise")
}
