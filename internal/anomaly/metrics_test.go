// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// identities is a static file.
const identities = `
workloads:
  - {namespace: shop, workload: web, kind: Deployment, processes: [nginx]}
  - {namespace: data, workload: db, kind: StatefulSet, addresses: [10.0.2.1]}
`

func writeIdentities(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "identities.yaml")
	require.NoError(t, os.WriteFile(path, []byte(identities), 0o600))
	return path
}

const oneFlow = `resource {process.executable.name=nginx}
tcp.flow.exchanges sum delta
  {destination.address=10.0.2.1} 5s..10s 1
`

// A side names both ends, and exports at each tick and at its end.
func TestSideAddsUp(t *testing.T) {
	cfg, err := load(t, map[string]any{"identity": map[string]any{"static": map[string]any{"file": writeIdentities(t)}}})
	require.NoError(t, err)
	next := new(consumertest.MetricsSink)
	telemetry := componenttest.NewTelemetry()
	p := NewMetricsSide(settingsOf(telemetry.NewTelemetrySettings()), cfg, next)
	ticks := make(chan time.Time)
	p.clock.Tick = func(d time.Duration) (<-chan time.Time, func()) {
		if d != 10*time.Second {
			return nil, func() {} // for news, which nobody asks for here
		}
		return ticks, func() {}
	}
	require.True(t, p.Capabilities().MutatesData)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))

	require.NoError(t, p.ConsumeMetrics(t.Context(), parse(t, oneFlow)))
	require.Empty(t, next.AllMetrics())
	ticks <- time.Time{}
	require.Eventually(t, func() bool { return len(next.AllMetrics()) == 1 }, 10*time.Second, time.Millisecond)
	require.NoError(t, p.ConsumeMetrics(t.Context(), parse(t, strings.ReplaceAll(oneFlow, "..10s 1", "..20s 2"))))
	requireTelemetry(t, telemetry, map[string]int64{
		"identities": 2, "identity_current": 1, "series": 1, "input_series": 1, "baselines": 0, "resets": 0, "unresolved": 0,
		"starts_ahead": 0, "points_late": 0, "points_forgotten": 0, "points_duplicate": 0, "points_overflow": 0, "points_refused": 0, "points_invalid": 0,
		"pairs": 1, "open_anomalies": 0, "open_problems": 0, "events_sent": 0, "detection_points_unused": 0, "detection_series_unused": 0,
		"detection_reports_skewed": 2, // the points are of 1970
		"acknowledgements":         0, "acknowledgements_unknown": 0, "problems_dropped": 0, "calls_dropped": 0, "totals_overflow": 0,
	})
	require.NoError(t, p.Shutdown(t.Context()))
	require.NoError(t, telemetry.Shutdown(context.Background()))

	require.Len(t, next.AllMetrics(), 3)
	got := next.AllMetrics()[1].ResourceMetrics().At(0)
	assert.Equal(t, "web", text(got.Resource().Attributes(), "k8s.deployment.name"))
	assert.Equal(t, "tcpwhy/test", got.ScopeMetrics().At(0).Scope().Name())
	point := got.ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().At(0)
	assert.Equal(t, "web", text(point.Attributes(), "source.workload.name"))
	assert.Equal(t, "db", text(point.Attributes(), "destination.workload.name"))
	assert.Equal(t, int64(3), point.IntValue())
	end := next.AllMetrics()[2].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().At(0)
	assert.True(t, end.Flags().NoRecordedValue(), "the series ends with its process")
	assert.Equal(t, point.Attributes().AsRaw(), end.Attributes().AsRaw())
	assert.Equal(t, point.StartTimestamp(), end.StartTimestamp())
	assert.GreaterOrEqual(t, end.Timestamp().AsTime().Sub(point.Timestamp().AsTime()), time.Millisecond, "backends with milliseconds take no other value of one time")
}

// What takes nothing any more does not keep a side from its end.
func TestSideEndsThoughNobodyListens(t *testing.T) {
	cfg, err := load(t, map[string]any{"identity": map[string]any{"static": map[string]any{"file": writeIdentities(t)}}})
	require.NoError(t, err)
	p := NewMetricsSide(settingsOf(componenttest.NewNopTelemetrySettings()), cfg, consumertest.NewErr(assert.AnError))
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, p.ConsumeMetrics(t.Context(), parse(t, oneFlow)))
	require.NoError(t, p.Shutdown(t.Context()))
}

// requireTelemetry compares all that the processor tells of itself in integers.
func requireTelemetry(t *testing.T, telemetry *componenttest.Telemetry, want map[string]int64) {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, telemetry.Reader.Collect(t.Context(), &all))
	got := make(map[string]int64)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			name, ours := strings.CutPrefix(m.Name, "otelcol_tcp_anomaly_")
			if !ours {
				continue
			}
			switch data := m.Data.(type) {
			case metricdata.Gauge[int64]:
				got[name] = data.DataPoints[0].Value
			case metricdata.Sum[int64]:
				got[name] = data.DataPoints[0].Value
			}
		}
	}
	require.Equal(t, want, got)
}

func TestSideNamesOnly(t *testing.T) {
	cfg, err := load(t, map[string]any{
		"identity": map[string]any{"static": map[string]any{"file": writeIdentities(t)}}, "aggregate": "none",
	})
	require.NoError(t, err)
	next := new(consumertest.MetricsSink)
	c := NewMetricsSide(settingsOf(componenttest.NewNopTelemetrySettings()), cfg, next)
	require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, c.ConsumeMetrics(t.Context(), parse(t, oneFlow)))
	require.NoError(t, c.Shutdown(t.Context()))
	require.Len(t, next.AllMetrics(), 1)
	assert.Contains(t, write(next.AllMetrics()[0]), "destination.workload.name=db")
	assert.Contains(t, write(next.AllMetrics()[0]), "destination.address=10.0.2.1")
}

func TestStartFailsWithoutItsFile(t *testing.T) {
	cfg, err := load(t, map[string]any{"identity": map[string]any{"static": map[string]any{"file": "/nowhere.yaml"}}})
	require.NoError(t, err)
	c := NewMetricsSide(settingsOf(componenttest.NewNopTelemetrySettings()), cfg, new(consumertest.MetricsSink))
	require.ErrorContains(t, c.Start(t.Context(), componenttest.NewNopHost()), "identity: open static: ")
	require.NoError(t, c.Shutdown(t.Context()))
}

// A file that breaks is said by the processor's own telemetry, and names go on; so is its repair.
func TestABrokenFileIsTold(t *testing.T) {
	path := writeIdentities(t)
	cfg, err := load(t, map[string]any{"identity": map[string]any{"static": map[string]any{"file": path}}, "aggregate": "none"})
	require.NoError(t, err)
	next := new(consumertest.MetricsSink)
	telemetry := componenttest.NewTelemetry()
	c := NewMetricsSide(settingsOf(telemetry.NewTelemetrySettings()), cfg, next)
	require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
	for _, step := range []struct {
		file    string
		current int64
	}{{identities + "  - {workload: x, adresses: [10.0.2.9]}\n", 0}, {identities, 1}} {
		require.NoError(t, os.WriteFile(path, []byte(step.file), 0o600))
		require.Eventually(t, func() bool {
			m, err := telemetry.GetMetric("otelcol_tcp_anomaly_identity_current")
			return err == nil && m.Data.(metricdata.Gauge[int64]).DataPoints[0].Value == step.current
		}, 20*time.Second, time.Millisecond)
		next.Reset()
		require.NoError(t, c.ConsumeMetrics(t.Context(), parse(t, oneFlow)))
		assert.Contains(t, write(next.AllMetrics()[0]), "destination.workload.name=db")
	}
	require.NoError(t, c.Shutdown(t.Context()))
	require.NoError(t, telemetry.Shutdown(context.Background()))
}
