// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/tcpwhy/tcpwhy/internal/anomaly/internal/metadatatest"
)

// A pipeline is both sides of one component ID, in a time of its own.
type pipeline struct {
	t       *testing.T
	metrics *MetricsSide
	sink    *consumertest.LogsSink
	counts  *consumertest.MetricsSink
	self    *componenttest.Telemetry
	now     atomic.Int64
	set     atomic.Int64  // by how much the clock was set since, ns
	slow    time.Duration // the agent's clock
	agents  time.Duration // by how much it was set since
}

func settingsOf(telemetry component.TelemetrySettings) Settings {
	return Settings{
		ID: component.MustNewID("tcp_anomaly"), Kind: component.KindProcessor, Scope: "tcpwhy/test",
		TelemetrySettings: telemetry, BuildInfo: component.NewDefaultBuildInfo(),
	}
}

var morning = time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)

func startPipeline(t *testing.T, cfg *Config) *pipeline {
	t.Helper()
	p := startMetrics(t, cfg, componenttest.NewNopHost(), morning)
	p.startLogs(cfg)
	return p
}

// startLogs starts the logs' side, too.
func (p *pipeline) startLogs(cfg *Config) *LogsSide {
	t := p.t
	t.Helper()
	logs := NewLogsSide(settingsOf(p.self.NewTelemetrySettings()), cfg, p.sink)
	require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, logs.Shutdown(context.Background())) })
	return logs
}

// startMetrics starts the metrics' side alone.
func startMetrics(t *testing.T, cfg *Config, host component.Host, at time.Time) *pipeline {
	t.Helper()
	return startWith(t, cfg, host, at, func(*MetricsSide) {})
}

// startWith starts the metrics' side as it was made, but for what set sets.
func startWith(t *testing.T, cfg *Config, host component.Host, at time.Time, set func(*MetricsSide)) *pipeline {
	t.Helper()
	p := &pipeline{t: t, sink: new(consumertest.LogsSink), counts: new(consumertest.MetricsSink), self: componenttest.NewTelemetry()}
	p.now.Store(at.UnixNano())
	p.metrics = NewMetricsSide(settingsOf(p.self.NewTelemetrySettings()), cfg, p.counts)
	p.metrics.clock.Now = func() time.Time { return time.Unix(0, p.now.Load()+p.set.Load()) }
	p.metrics.clock.Elapsed = func() time.Duration { return time.Duration(p.now.Load()) }
	set(p.metrics)
	require.NoError(t, p.metrics.Start(t.Context(), host))
	t.Cleanup(func() {
		require.NoError(t, p.metrics.Shutdown(context.Background())) // again does nothing
		require.NoError(t, p.self.Shutdown(context.Background()))
	})
	return p
}

// tell tells totals of a flow that began with the pipeline, and asks for news.
func (p *pipeline) tell(segments, episodes int) {
	p.t.Helper()
	p.now.Add(int64(10 * time.Second))
	at := p.now.Load() - int64(time.Second+p.slow-p.agents)
	began := morning.Add(time.Second - p.slow).UnixNano()
	md := parse(p.t, fmt.Sprintf(`resource {process.executable.name=nginx host.name=here}
tcp.flow.data_segments sum
  {destination.address=10.0.2.1 destination.port=5432 network.tcp.handshake.role=client network.io.direction=transmit} 1s..9s %d
tcp.flow.retransmit.episodes sum
  {destination.address=10.0.2.1 destination.port=5432 network.tcp.handshake.role=client} 1s..9s %d
`, segments, episodes))
	for _, m := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		m.Sum().DataPoints().At(0).SetStartTimestamp(pcommon.Timestamp(began))
		m.Sum().DataPoints().At(0).SetTimestamp(pcommon.Timestamp(at))
	}
	p.metrics.Process(md)
	p.metrics.desk.judge(p.metrics.desk.look().Add(5 * time.Second))
}

// problems are the attributes of what was told of problems, and how many records there were.
func (p *pipeline) problems() (problems []pcommon.Map) {
	for _, logs := range p.sink.AllLogs() {
		for _, record := range logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
			if record.EventName() == "tcp.flow.problem" {
				problems = append(problems, record.Attributes())
			}
		}
	}
	return problems
}

func TestALossIsToldThroughTheLogsPipeline(t *testing.T) {
	for _, level := range []string{"none", "workload"} {
		t.Run(level, func(t *testing.T) {
			cfg, err := load(t, map[string]any{
				"identity": map[string]any{"static": map[string]any{"file": writeIdentities(t)}}, "aggregate": level,
			})
			require.NoError(t, err)
			p := startPipeline(t, cfg)
			p.lose(func() { require.Empty(t, p.problems()) })
			require.Eventually(t, func() bool { return len(p.problems()) == 1 }, 10*time.Second, time.Millisecond)
			opened := p.problems()[0]
			for name, want := range map[string]string{
				"event.name": "tcp.flow.problem", "tcp.problem.type": "tcp_retransmit_rise", "tcp.problem.state": "open",
				"tcp.problem.node": "web", "tcp.problem.remote": "db", "tcp.problem.display_id": "P-260304-001",
				"tcp.problem.root_cause.kind": "pair", "tcp.problem.root_cause.name": "web → db",
			} {
				assert.Equal(t, want, text(opened, name), name)
			}
			p.requireSelf(1, 2) // the anomaly, and the problem
		})
	}
}

// lose tells of a loss that begins after a while.
func (p *pipeline) lose(before func()) {
	p.t.Helper()
	segments, episodes := 0, 0
	for range 20 {
		segments += 5000
		episodes++
		p.tell(segments, episodes)
	}
	before()
	for range 4 {
		segments += 5000
		episodes += 150
		p.tell(segments, episodes)
	}
}

// requireSelf waits for what the processor tells of itself.
func (p *pipeline) requireSelf(problems, sent int64) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { n, _ := p.metrics.desk.fates(); return int64(n) == sent }, 10*time.Second, time.Millisecond)
	point := func(n int64) []metricdata.DataPoint[int64] { return []metricdata.DataPoint[int64]{{Value: n}} }
	metadatatest.AssertEqualTCPAnomalyEventsSent(p.t, p.self, point(sent), metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualTCPAnomalyPairs(p.t, p.self, point(1), metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualTCPAnomalyOpenProblems(p.t, p.self, point(problems), metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualTCPAnomalyOpenAnomalies(p.t, p.self, point(1), metricdatatest.IgnoreTimestamp())
}

// Without a logs pipeline events are dropped, which is counted, and metrics tell of them.
func TestEventsWithoutALogsPipelineAreCounted(t *testing.T) {
	cfg, err := load(t, map[string]any{"identity": map[string]any{"static": map[string]any{"file": writeIdentities(t)}}})
	require.NoError(t, err)
	p := startMetrics(t, cfg, componenttest.NewNopHost(), morning)
	p.lose(func() {})
	p.requireSelf(1, 0)
	metadatatest.AssertEqualTCPAnomalyEventsDropped(t, p.self, []metricdata.DataPoint[int64]{
		{Value: 2, Attributes: attribute.NewSet(attribute.String("reason", "no_logs_pipeline"))},
	}, metricdatatest.IgnoreTimestamp())

	p.metrics.teller.clock.Go = func(f func()) { f() }
	p.metrics.teller.tell(t.Context(), p.metrics.desk, p.metrics.clock.Now())
	told := make(map[string]int64)
	for _, md := range p.counts.AllMetrics() {
		for _, m := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
			switch m.Name() {
			case "tcp.flow.anomaly.count":
				told[m.Name()] = m.Sum().DataPoints().At(0).IntValue()
			case "tcp.flow.problem.active":
				told[m.Name()] = m.Gauge().DataPoints().At(0).IntValue()
			}
		}
	}
	assert.Equal(t, map[string]int64{"tcp.flow.anomaly.count": 1, "tcp.flow.problem.active": 1}, told)
}
