// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyconnector

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/tcpwhy/tcpwhy/internal/anomaly"
)

// A crossing is a connector with what is behind it.
type crossing struct {
	t     *testing.T
	parts []connector.Metrics
	began time.Time
	self  *componenttest.Telemetry
	sent  int64
	end   sync.Once
}

// cross starts a connector that looks each second, with the pipelines that are not nil.
func cross(t *testing.T, settings map[string]any, logs consumer.Logs, metrics consumer.Metrics) *crossing {
	t.Helper()
	factory := NewFactory()
	cfg := factory.CreateDefaultConfig().(*anomaly.Config)
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"interval": "1s"}).Unmarshal(cfg))
	require.NoError(t, confmap.NewFromStringMap(settings).Unmarshal(cfg))
	c := &crossing{t: t, self: componenttest.NewTelemetry()}
	set := connectortest.NewNopSettings(factory.Type())
	set.TelemetrySettings = c.self.NewTelemetrySettings()
	add := func(part connector.Metrics, err error) {
		require.NoError(t, err)
		c.parts = append(c.parts, part)
	}
	if logs != nil {
		add(factory.CreateMetricsToLogs(t.Context(), set, cfg,
			connector.NewLogsRouter(map[pipeline.ID]consumer.Logs{pipeline.NewID(pipeline.SignalLogs): logs})))
	}
	if metrics != nil {
		add(factory.CreateMetricsToMetrics(t.Context(), set, cfg,
			connector.NewMetricsRouter(map[pipeline.ID]consumer.Metrics{pipeline.NewID(pipeline.SignalMetrics): metrics})))
	}
	for _, part := range c.parts {
		require.NoError(t, part.Start(t.Context(), componenttest.NewNopHost()))
	}
	c.began = time.Now() // later than the connector's: nothing of it is older
	t.Cleanup(func() {
		c.shutdown()
		require.NoError(t, c.self.Shutdown(context.Background()))
	})
	return c
}

func (c *crossing) shutdown() {
	c.end.Do(func() {
		for _, part := range c.parts {
			require.NoError(c.t, part.Shutdown(context.Background()))
		}
	})
}

// refuse tells, as a receiver does, of connects that were refused, and returns what it told.
func (c *crossing) refuse() pmetric.Metrics {
	c.t.Helper()
	c.sent += 10
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("host.name", "here")
	rm.Resource().Attributes().PutStr("process.executable.name", "web")
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("tcp.flow.connection.failed")
	sum := m.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	p := sum.DataPoints().AppendEmpty()
	require.NoError(c.t, p.Attributes().FromRaw(map[string]any{
		"destination.address": "10.0.2.1", "destination.port": 5432, "network.tcp.handshake.role": "client",
		"error.type": "connection_refused",
	}))
	p.SetStartTimestamp(pcommon.NewTimestampFromTime(c.began))
	p.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	p.SetIntValue(c.sent)
	for _, part := range c.parts {
		given := pmetric.NewMetrics()
		md.CopyTo(given)
		given.MarkReadOnly()
		require.NoError(c.t, part.ConsumeMetrics(c.t.Context(), given))
	}
	return md
}

// problems are the records of problems in what was told.
func problems(logs *consumertest.LogsSink) (all []plog.LogRecord) {
	for _, ld := range logs.AllLogs() {
		for _, record := range ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
			if record.EventName() == "tcp.flow.problem" {
				all = append(all, record)
			}
		}
	}
	return all
}

// counted is the value of a counter of the connector's own, with its attributes.
func (c *crossing) counted(name string) map[string]int64 {
	c.t.Helper()
	got, err := c.self.GetMetric("otelcol_tcp_anomaly_" + name)
	require.NoError(c.t, err)
	values := make(map[string]int64)
	var points []metricdata.DataPoint[int64]
	switch data := got.Data.(type) {
	case metricdata.Sum[int64]:
		points = data.DataPoints
	case metricdata.Gauge[int64]:
		points = data.DataPoints
	}
	for _, p := range points {
		reason, _ := p.Attributes.Value("reason")
		values[reason.AsString()] += p.Value
	}
	return values
}

// A fault goes in, one event comes out, and metrics pass untouched, with ours beside them.
func TestOneFaultIsOneEvent(t *testing.T) {
	logs, metrics := new(consumertest.LogsSink), new(consumertest.MetricsSink)
	c := cross(t, map[string]any{}, logs, metrics)
	require.False(t, c.parts[1].Capabilities().MutatesData)
	sent := []pmetric.Metrics{c.refuse()}
	require.Eventually(t, func() bool { return len(problems(logs)) > 0 }, 30*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool { return len(metrics.AllMetrics()) > 1 }, 30*time.Second, 10*time.Millisecond)
	sent = append(sent, c.refuse())
	c.shutdown()

	told := problems(logs)
	require.Len(t, told, 1)
	assert.Equal(t, map[string]any{"type": "tcp_connect_refused", "state": "open", "node": "10.0.2.1"}, map[string]any{
		"type": raw(told[0], "tcp.problem.type"), "state": raw(told[0], "tcp.problem.state"), "node": raw(told[0], "tcp.problem.node"),
	})
	scope := logs.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).Scope().Name()
	assert.Equal(t, "github.com/tcpwhy/tcpwhy/connector/tcpanomalyconnector", scope)
	var passed, ours []pmetric.Metrics
	for _, md := range metrics.AllMetrics() {
		if md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Name() == "tcp.flow.connection.failed" {
			passed = append(passed, md)
		} else {
			ours = append(ours, md)
		}
	}
	require.Len(t, passed, 2)
	for i := range passed {
		assert.Equal(t, asJSON(t, sent[i]), asJSON(t, passed[i]))
	}
	require.NotEmpty(t, ours)
	count := ours[0].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
	assert.Equal(t, "tcp.flow.anomaly.count", count.At(0).Name())
	assert.Equal(t, int64(1), count.At(0).Sum().DataPoints().At(0).IntValue(), "what both connectors are given is watched once")
	assert.Equal(t, "tcp.flow.problem.active", count.At(1).Name())
}

// Each kind of pipeline may be missing.
func TestLogsAlone(t *testing.T) {
	logs := new(consumertest.LogsSink)
	c := cross(t, map[string]any{"identity": map[string]any{}}, logs, nil)
	require.False(t, c.parts[0].Capabilities().MutatesData)
	c.refuse()
	require.Eventually(t, func() bool { return len(problems(logs)) == 1 }, 30*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool { return c.counted("events_sent")[""] == 2 }, 30*time.Second, 10*time.Millisecond)
	assert.Equal(t, map[string]int64{"": 1}, c.counted("open_problems"))
}

func TestMetricsAlone(t *testing.T) {
	metrics := new(consumertest.MetricsSink)
	c := cross(t, map[string]any{}, nil, metrics)
	c.refuse()
	require.Eventually(t, func() bool { return c.counted("open_problems")[""] == 1 }, 30*time.Second, 10*time.Millisecond)
	assert.Equal(t, map[string]int64{"no_logs_pipeline": 2}, c.counted("events_dropped"))
}

// What ended lets go of its configuration.
func TestNothingIsKept(t *testing.T) {
	c := cross(t, map[string]any{}, new(consumertest.LogsSink), new(consumertest.MetricsSink))
	c.shutdown()
	junctions.Lock()
	defer junctions.Unlock()
	assert.Empty(t, junctions.byConfig)
}

// A logs pipeline that takes nothing for ever delays neither metrics nor the end.
func TestABlockedLogsPipeline(t *testing.T) {
	wall := make(chan struct{})
	blocked, err := consumer.NewLogs(func(context.Context, plog.Logs) error {
		<-wall
		return nil
	})
	require.NoError(t, err)
	metrics := new(consumertest.MetricsSink)
	c := cross(t, map[string]any{"events": map[string]any{"queue_size": 1}}, blocked, metrics)
	c.refuse()
	require.Eventually(t, func() bool { return c.counted("open_problems")[""] == 1 }, 30*time.Second, 10*time.Millisecond)
	before := len(metrics.AllMetrics())
	c.refuse()
	assert.Greater(t, len(metrics.AllMetrics()), before, "they are through when the call returns")
	assert.Equal(t, map[string]int64{"": 0}, c.counted("events_sent"))
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	c.end.Do(func() {
		for _, part := range c.parts {
			require.NoError(t, part.Shutdown(ctx))
		}
	})
	assert.Less(t, time.Since(began), 10*time.Second)
	close(wall)
}

func raw(record plog.LogRecord, name string) any {
	value, _ := record.Attributes().Get(name)
	return value.AsRaw()
}

func asJSON(t *testing.T, md pmetric.Metrics) string {
	t.Helper()
	b, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(md)
	require.NoError(t, err)
	return string(b)
}
