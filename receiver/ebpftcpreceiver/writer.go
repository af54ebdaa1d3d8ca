// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadata"
)

// A writer writes flows as OTLP metrics.
type writer struct {
	host        host
	version     string
	exponential bool
	flowMetrics []flowMetric // that are switched on
	coverage    bool
	lost        bool

	resetsOfHost bool

	time    pcommon.Timestamp
	scratch []uint64
	buckets []uint64
}

func newWriter(cfg *Config, host host, build component.BuildInfo) *writer {
	w := &writer{
		host:        host,
		version:     build.Version,
		exponential: cfg.Histogram == HistogramExponential,
		coverage:    cfg.enabled(names.FlowCoverage),
		lost:        cfg.enabled(names.FlowLost),

		resetsOfHost: cfg.enabled(names.Resets),
	}
	for _, metric := range flowMetrics {
		if cfg.enabled(metric.Metric) {
			w.flowMetrics = append(w.flowMetrics, metric)
		}
	}
	return w
}

// setTime sets the end of the interval.
func (w *writer) setTime(now flow.Instant) { w.time = pcommon.Timestamp(now.Wall) }

// writeOwner writes flows of one owner.
func (w *writer) writeOwner(md pmetric.Metrics, owner flow.Owner, flows []*flow.Flow) {
	if len(w.flowMetrics) == 0 {
		return
	}
	resource, metrics := w.scope(md)
	w.host.describeOwner(resource.Attributes(), owner)
	connections, listeners := describe(flows)
	metrics.EnsureCapacity(len(w.flowMetrics))
	for i := range w.flowMetrics {
		if w.flowMetrics[i].listener {
			w.writeMetric(metrics.AppendEmpty(), &w.flowMetrics[i], listeners)
		} else {
			w.writeMetric(metrics.AppendEmpty(), &w.flowMetrics[i], connections)
		}
	}
	metrics.RemoveIf(empty)
}

// describe makes series of flows, those of listeners apart. Both are parts of one
// slice: what grows from either end.
func describe(flows []*flow.Flow) (connections, listeners []series) {
	all := make([]series, len(flows))
	front, back := 0, len(flows)
	for _, f := range flows {
		s := series{f, pcommon.NewMap()}
		describeFlow(s.attributes, f.Key)
		if f.Key.Role == flow.RoleListener {
			back--
			all[back] = s
			continue
		}
		all[front] = s
		front++
	}
	return all[:front], all[front:]
}

func (w *writer) scope(md pmetric.Metrics) (pcommon.Resource, pmetric.MetricSlice) {
	rm := md.ResourceMetrics().AppendEmpty()
	rm.SetSchemaUrl(names.SchemaURL)
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName(metadata.ScopeName)
	sm.Scope().SetVersion(w.version)
	return rm.Resource(), sm.Metrics()
}

func (w *writer) writeMetric(m pmetric.Metric, metric *flowMetric, all []series) {
	switch name(m, metric.Metric); {
	case metric.numbers != nil:
		points := numbers(m, metric.Kind)
		points.EnsureCapacity(metric.points * len(all))
		for _, s := range all {
			metric.numbers(w, points, s)
		}
	case w.exponential:
		w.writeExponential(m.SetEmptyExponentialHistogram(), metric, all)
	default:
		w.writeExplicit(m.SetEmptyHistogram(), metric, all)
	}
}

func (w *writer) writeExponential(h pmetric.ExponentialHistogram, metric *flowMetric, all []series) {
	h.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	h.DataPoints().EnsureCapacity(len(all))
	for _, s := range all {
		if histogram := metric.histogram(s.Flow); !histogram.Empty() {
			w.exponentialHistogram(h.DataPoints().AppendEmpty(), s, histogram, metric.kind)
		}
	}
}

func (w *writer) writeExplicit(h pmetric.Histogram, metric *flowMetric, all []series) {
	h.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	h.DataPoints().EnsureCapacity(len(all))
	for _, s := range all {
		if histogram := metric.histogram(s.Flow); !histogram.Empty() {
			w.explicitHistogram(h.DataPoints().AppendEmpty(), s, histogram, metric.kind)
		}
	}
}

func name(m pmetric.Metric, metric names.Metric) {
	m.SetName(metric.Name)
	m.SetUnit(metric.Unit)
	m.SetDescription(metric.Description)
}

func numbers(m pmetric.Metric, kind names.Kind) pmetric.NumberDataPointSlice {
	if kind == names.Gauge {
		return m.SetEmptyGauge().DataPoints()
	}
	m.SetEmptySum().SetIsMonotonic(true)
	m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	return m.Sum().DataPoints()
}

// bare reports whether an owner has no metrics: those that it would have are
// switched off.
func bare(rm pmetric.ResourceMetrics) bool { return rm.ScopeMetrics().At(0).Metrics().Len() == 0 }

// empty reports whether a metric has no data points.
func empty(m pmetric.Metric) bool {
	switch m.Type() {
	case pmetric.MetricTypeSum:
		return m.Sum().DataPoints().Len() == 0
	case pmetric.MetricTypeGauge:
		return m.Gauge().DataPoints().Len() == 0
	case pmetric.MetricTypeHistogram:
		return m.Histogram().DataPoints().Len() == 0
	case pmetric.MetricTypeExponentialHistogram:
		return m.ExponentialHistogram().DataPoints().Len() == 0
	default:
		return true
	}
}
