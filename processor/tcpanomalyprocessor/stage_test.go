// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/tcpwhy/tcpwhy/internal/anomaly"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A stage is a processor in a time of its own.
type stage struct {
	t             *testing.T
	mu            sync.Mutex
	now           time.Time
	beats         map[time.Duration]chan time.Time
	metrics       processor.Metrics
	logs          processor.Logs
	cfg           component.Config
	metricsBehind consumertest.MetricsSink
	logsBehind    consumertest.LogsSink
	self          *componenttest.Telemetry
}

func startStage(t *testing.T, path string) *stage {
	t.Helper()
	return startStageAt(t, path, time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC))
}

func startStageAt(t *testing.T, path string, now time.Time) *stage {
	t.Helper()
	s := &stage{
		t: t, now: now, beats: make(map[time.Duration]chan time.Time),
		self: componenttest.NewTelemetry(),
	}
	factory := newFactory(anomaly.Clock{Now: s.time, Tick: s.tick, Go: func(f func()) { f() }})
	conf, err := confmaptest.LoadConf(path)
	require.NoError(t, err)
	s.cfg = factory.CreateDefaultConfig()
	require.NoError(t, conf.Unmarshal(s.cfg))
	require.NoError(t, confmap.Validate(s.cfg))
	set := processortest.NewNopSettings(factory.Type())
	set.TelemetrySettings = s.self.NewTelemetrySettings()
	s.metrics, err = factory.CreateMetrics(t.Context(), set, s.cfg, &s.metricsBehind)
	require.NoError(t, err)
	s.logs, err = factory.CreateLogs(t.Context(), set, s.cfg, &s.logsBehind)
	require.NoError(t, err)
	require.NoError(t, s.logs.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, s.metrics.Start(t.Context(), componenttest.NewNopHost()))
	return s
}

func (s *stage) time() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *stage) tick(every time.Duration) (<-chan time.Time, func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beats[every] = make(chan time.Time)
	return s.beats[every], func() {}
}

// pass lets time pass, and waits until all has been done that is due then.
func (s *stage) pass(d time.Duration) {
	s.mu.Lock()
	s.now = s.now.Add(d)
	beats := make(map[time.Duration]chan time.Time)
	for every, beat := range s.beats {
		if every <= d || every < time.Second {
			beats[every] = beat
		}
	}
	s.mu.Unlock()
	for _, beat := range beats {
		beat <- s.now
		beat <- s.now // is taken when the first one has been done
	}
}

// play tells all of a script, and returns what its sums add up to.
func (s *stage) play(r *script) map[string]float64 {
	p := newPlayer(s.t, s.now.Add(time.Second))
	p.remember(r)
	interval := s.cfg.(*anomaly.Config).Interval
	for _, step := range r.Steps {
		for range step.Intervals {
			at := s.now.Add(interval - time.Second)
			s.pass(interval)
			for _, md := range p.tellBy(step.Told, r, step.Flows, at) {
				require.NoError(s.t, s.metrics.ConsumeMetrics(s.t.Context(), md))
			}
		}
		p.held = nil
	}
	s.pass(interval)
	return p.sums()
}

// end returns what has left: all logs as one, what was told last of anomalies and problems, how
// much the metrics that were told last add up to, and what the processor tells of itself.
func (s *stage) end() (plog.Logs, pmetric.Metrics, map[string]float64, string) {
	return s.endBy(context.Background())
}

func (s *stage) endBy(ctx context.Context) (plog.Logs, pmetric.Metrics, map[string]float64, string) {
	require.NoError(s.t, s.logs.Shutdown(ctx))
	telemetry := s.telemetry()
	before := len(s.metricsBehind.AllMetrics())
	require.NoError(s.t, s.metrics.Shutdown(context.Background()))
	require.NoError(s.t, s.self.Shutdown(context.Background()))

	logs := plog.NewLogs()
	for _, ld := range s.logsBehind.AllLogs() {
		for _, record := range ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
			if logs.ResourceLogs().Len() == 0 {
				ld.ResourceLogs().At(0).CopyTo(logs.ResourceLogs().AppendEmpty())
				logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().RemoveIf(func(plog.LogRecord) bool { return true })
			}
			told := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().AppendEmpty()
			record.CopyTo(told)
			told.SetObservedTimestamp(0)
			round(told.Attributes())
			sortNames(told.Attributes())
		}
	}
	all := s.metricsBehind.AllMetrics()
	return logs, lastTotals(all[:before]), sums(all[before:]), telemetry
}

// round keeps nine digits of fractions: what is added up in another order differs in the last.
func round(attributes pcommon.Map) {
	for _, value := range attributes.All() {
		if value.Type() == pcommon.ValueTypeDouble {
			rounded, _ := strconv.ParseFloat(strconv.FormatFloat(value.Double(), 'g', 9, 64), 64)
			value.SetDouble(rounded)
		}
	}
}

// sortNames puts attributes in order: a golden file changes only where what it says does.
func sortNames(attributes pcommon.Map) {
	sorted := pcommon.NewMap()
	raw := attributes.AsRaw()
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		value, _ := attributes.Get(name)
		value.CopyTo(sorted.PutEmpty(name))
	}
	sorted.MoveTo(attributes)
}

// lastTotals is the last of what tells of anomalies and problems, if anything does.
func lastTotals(all []pmetric.Metrics) pmetric.Metrics {
	for _, md := range slices.Backward(all) {
		for _, m := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
			if m.Name() == names.FlowAnomalyCount.Name {
				md.ResourceMetrics().At(0).Resource().Attributes().PutStr(names.ServiceInstanceID, "this one") // drawn by chance
				return md
			}
		}
	}
	return pmetric.NewMetrics()
}

// sums adds up what has left last, by the names of metrics. A beat may be under way at the end, and
// tell a series once more: the last time counts.
func sums(all []pmetric.Metrics) map[string]float64 {
	last := make(map[string]map[string]float64)
	for _, md := range all {
		for _, rm := range md.ResourceMetrics().All() {
			for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
				if m.Type() != pmetric.MetricTypeSum {
					continue
				}
				if last[m.Name()] == nil {
					last[m.Name()] = make(map[string]float64)
				}
				for _, p := range m.Sum().DataPoints().All() {
					if p.Flags().NoRecordedValue() {
						continue // a series ends with the processor
					}
					series := fmt.Sprint(rm.Resource().Attributes().AsRaw(), p.Attributes().AsRaw())
					last[m.Name()][series] = float64(p.IntValue()) + p.DoubleValue()
				}
			}
		}
	}
	sums := make(map[string]float64)
	for name, series := range last {
		for _, value := range series {
			sums[name] += value
		}
	}
	return sums
}

// telemetry is what the processor tells of itself, one number a line.
func (s *stage) telemetry() string {
	var all metricdata.ResourceMetrics
	require.NoError(s.t, s.self.Reader.Collect(s.t.Context(), &all))
	var lines []string
	add := func(name string, points []metricdata.DataPoint[int64]) {
		for _, p := range points {
			label := ""
			for _, attribute := range p.Attributes.ToSlice() {
				if key := string(attribute.Key); key == "reason" || key == "source" {
					label = " " + attribute.Value.AsString()
				}
			}
			lines = append(lines, fmt.Sprintf("%s%s %d\n", name, label, p.Value))
		}
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			name, ours := strings.CutPrefix(m.Name, "otelcol_tcp_anomaly_")
			if !ours {
				continue
			}
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				add(name, data.DataPoints)
			case metricdata.Gauge[int64]:
				add(name, data.DataPoints)
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}
