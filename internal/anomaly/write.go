// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// deliveryBytes is how much is handed on at once, on the wire. A gRPC server accepts 4 MiB. What a series
// takes is estimated: about 250 bytes without names, and 1.5 KiB with those of Kubernetes and a histogram.
const deliveryBytes = 3 << 20

// A delivery is a part of what leaves at the end of an interval.
type delivery struct {
	metrics pmetric.Metrics
	outputs []*reduce.Output
	bytes   int
}

// A writer writes the outputs of a reducer as OTLP.
type writer struct {
	*reducer
	version     string
	time        pcommon.Timestamp
	temporality pmetric.AggregationTemporality
	read        func(*reduce.Output, *reduce.Value) bool
	deliveries  []*delivery
}

// write returns all that there is to tell at a time. It tells the time by the clock.
func (r *reducer) write(version string, now reduce.Instant) []*delivery {
	r.table.Begin(now, r.forget)
	r.wrote = max(r.wrote, now.Clock)
	return r.writeAll(version, now.Clock, r.table.Read)
}

// end returns that all that was told has ended, at the next time that backends can tell from the last one.
func (r *reducer) end(version string, now reduce.Instant) []*delivery {
	return r.writeAll(version, max(now.Clock, r.wrote+uint64(time.Millisecond)), r.table.Close)
}

func (r *reducer) writeAll(version string, now uint64, read func(*reduce.Output, *reduce.Value) bool) []*delivery {
	w := &writer{
		reducer: r, version: version, time: pcommon.Timestamp(now), temporality: pmetric.AggregationTemporalityCumulative, read: read,
	}
	if r.table.Delta() {
		w.temporality = pmetric.AggregationTemporalityDelta
	}
	for _, g := range r.groups {
		w.writeGroup(g)
	}
	for _, d := range w.deliveries { // of some resources there is nothing to tell
		d.metrics.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool { return rm.ScopeMetrics().At(0).Metrics().Len() == 0 })
	}
	return w.deliveries
}

// accepted says that a delivery has arrived.
func (r *reducer) accepted(d *delivery) {
	for _, o := range d.outputs {
		if r.table.Accepted(o) {
			continue
		}
		s := o.Label.(*series)
		of := &s.group.outputs[s.metric.index]
		*of = slices.DeleteFunc(*of, func(other *reduce.Output) bool { return other == o })
		s.group.series--
		r.tidy(s.group)
	}
}

// delivery returns the one to add so much to.
func (w *writer) delivery(bytes int) *delivery {
	if n := len(w.deliveries); n > 0 && w.deliveries[n-1].bytes+bytes <= deliveryBytes {
		return w.deliveries[n-1]
	}
	d := &delivery{metrics: pmetric.NewMetrics()}
	w.deliveries = append(w.deliveries, d)
	return d
}

// writeGroup writes a resource, again in each delivery that it takes.
func (w *writer) writeGroup(g *group) {
	var d *delivery
	var metrics pmetric.MetricSlice
	for _, outputs := range g.outputs {
		for len(outputs) > 0 {
			if next := w.delivery(sizeOf(outputs[0])); next != d {
				d, metrics = next, w.begin(next, g)
			}
			some := d.fill(outputs)
			d.bytes += sizeOfHead(outputs[0].Label.(*series).metric)
			w.writeMetric(metrics, some)
			d.outputs, outputs = append(d.outputs, some...), outputs[len(some):]
		}
	}
}

// fill returns the first of some outputs, as many as there is room for: at least one.
func (d *delivery) fill(outputs []*reduce.Output) []*reduce.Output {
	for n, o := range outputs {
		size := sizeOf(o)
		if n > 0 && d.bytes+size > deliveryBytes {
			return outputs[:n]
		}
		d.bytes += size
	}
	return outputs
}

func (w *writer) begin(d *delivery, g *group) pmetric.MetricSlice {
	d.bytes += g.size + sizeOfScope
	rm := d.metrics.ResourceMetrics().AppendEmpty()
	g.attributes.CopyTo(rm.Resource().Attributes())
	rm.SetSchemaUrl(names.SchemaURL)
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName(w.scope)
	sm.Scope().SetVersion(w.version)
	return sm.Metrics()
}

// writeMetric writes a metric, or two: one for each type of histogram.
func (w *writer) writeMetric(metrics pmetric.MetricSlice, outputs []*reduce.Output) {
	var numbers pmetric.NumberDataPointSlice
	var explicit pmetric.HistogramDataPointSlice
	var exponential pmetric.ExponentialHistogramDataPointSlice
	var began [reduce.ShapeExponential + 1]bool
	for _, o := range outputs {
		if !w.read(o, &w.value) {
			continue
		}
		s := o.Label.(*series)
		first := !began[o.Shape]
		began[o.Shape] = true
		switch o.Shape {
		case reduce.ShapeExplicit:
			if first {
				explicit = w.beginExplicit(metrics, s.metric, len(outputs))
			}
			w.writeExplicit(explicit.AppendEmpty(), s)
		case reduce.ShapeExponential:
			if first {
				exponential = w.beginExponential(metrics, s.metric, len(outputs))
			}
			w.writeExponential(exponential.AppendEmpty(), s)
		default:
			if first {
				numbers = w.beginNumbers(metrics, s.metric, len(outputs))
			}
			w.writeNumber(numbers.AppendEmpty(), s)
		}
	}
}

func begin(metrics pmetric.MetricSlice, metric *metric) pmetric.Metric {
	m := metrics.AppendEmpty()
	m.SetName(metric.Name)
	m.SetUnit(metric.Unit)
	m.SetDescription(metric.Description)
	return m
}

func (w *writer) beginNumbers(metrics pmetric.MetricSlice, metric *metric, n int) pmetric.NumberDataPointSlice {
	m := begin(metrics, metric)
	var points pmetric.NumberDataPointSlice
	if metric.Kind == names.Gauge {
		points = m.SetEmptyGauge().DataPoints()
	} else {
		m.SetEmptySum().SetIsMonotonic(true)
		m.Sum().SetAggregationTemporality(w.temporality)
		points = m.Sum().DataPoints()
	}
	points.EnsureCapacity(n)
	return points
}

func (w *writer) beginExplicit(metrics pmetric.MetricSlice, metric *metric, n int) pmetric.HistogramDataPointSlice {
	h := begin(metrics, metric).SetEmptyHistogram()
	h.SetAggregationTemporality(w.temporality)
	h.DataPoints().EnsureCapacity(n)
	return h.DataPoints()
}

func (w *writer) beginExponential(metrics pmetric.MetricSlice, metric *metric, n int) pmetric.ExponentialHistogramDataPointSlice {
	h := begin(metrics, metric).SetEmptyExponentialHistogram()
	h.SetAggregationTemporality(w.temporality)
	h.DataPoints().EnsureCapacity(n)
	return h.DataPoints()
}

// describe writes the attributes of a data point.
func (s *series) describe(attributes pcommon.Map) {
	// The copy keeps this capacity, so that the slice is allocated once.
	attributes.EnsureCapacity(s.attributes.Len() + s.split.Len())
	s.attributes.CopyTo(attributes)
	for name, value := range s.split.All() {
		value.CopyTo(attributes.PutEmpty(name))
	}
}

// A written is any data point.
type written interface {
	Attributes() pcommon.Map
	SetStartTimestamp(pcommon.Timestamp)
	SetTimestamp(pcommon.Timestamp)
	SetFlags(pmetric.DataPointFlags)
}

// head writes what all data points have. It returns whether there is a value to write.
func head[P written](w *writer, p P, s *series) bool {
	s.describe(p.Attributes())
	start := pcommon.Timestamp(w.value.Start)
	p.SetStartTimestamp(start)
	p.SetTimestamp(max(w.time, start))
	if w.value.Ended {
		p.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	}
	return !w.value.Ended
}

func (w *writer) writeNumber(p pmetric.NumberDataPoint, s *series) {
	if !head(w, p, s) {
		return
	}
	if n := w.value.Number; n.Fraction {
		p.SetDoubleValue(n.Float)
	} else {
		p.SetIntValue(n.Int)
	}
}

func (w *writer) writeExplicit(p pmetric.HistogramDataPoint, s *series) {
	h := &w.value.Explicit
	p.ExplicitBounds().FromRaw(h.Bounds)
	if !head(w, p, s) {
		// Prometheus ends the series of each bucket that the point names.
		p.SetSum(0)
		p.BucketCounts().FromRaw(make([]uint64, len(h.Counts)))
		return
	}
	p.BucketCounts().FromRaw(h.Counts)
	p.SetCount(sum(h.Counts))
	if h.HasSum {
		p.SetSum(h.Sum)
	}
}

func (w *writer) writeExponential(p pmetric.ExponentialHistogramDataPoint, s *series) {
	if !head(w, p, s) {
		return
	}
	h := &w.value.Exponential
	p.SetScale(h.Scale)
	p.SetZeroCount(h.Zero)
	p.SetZeroThreshold(h.Threshold)
	p.SetCount(h.Zero + sum(h.Counts))
	if h.HasSum {
		p.SetSum(h.Sum)
	}
	if len(h.Counts) > 0 {
		p.Positive().SetOffset(h.Offset)
		p.Positive().BucketCounts().FromRaw(h.Counts)
	}
}

func sum(counts []uint64) (total uint64) {
	for _, count := range counts {
		total += count
	}
	return total
}
