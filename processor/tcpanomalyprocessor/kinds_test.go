// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// kinds are all kinds of metrics, and the name by which one would be ours.
var kinds = []struct {
	ours string
	fill func(pmetric.Metric)
}{
	{fill: func(pmetric.Metric) {}},
	{fill: func(m pmetric.Metric) { fillNumbers(m.SetEmptyGauge().DataPoints()) }},
	{ours: names.FlowIO.Name, fill: sumOf(pmetric.AggregationTemporalityDelta, true)},
	{ours: names.FlowIO.Name, fill: sumOf(pmetric.AggregationTemporalityCumulative, true)},
	{fill: sumOf(pmetric.AggregationTemporalityCumulative, false)},
	{fill: sumOf(pmetric.AggregationTemporalityDelta, false)},
	{fill: sumOf(pmetric.AggregationTemporalityUnspecified, true)},
	{ours: names.FlowRTT.Name, fill: explicitOf(pmetric.AggregationTemporalityDelta)},
	{ours: names.FlowRTT.Name, fill: explicitOf(pmetric.AggregationTemporalityCumulative)},
	{fill: explicitOf(pmetric.AggregationTemporalityUnspecified)},
	{ours: names.FlowRTT.Name, fill: exponentialOf(pmetric.AggregationTemporalityDelta)},
	{ours: names.FlowRTT.Name, fill: exponentialOf(pmetric.AggregationTemporalityCumulative)},
	{fill: exponentialOf(pmetric.AggregationTemporalityUnspecified)},
	{fill: fillSummary},
}

func sumOf(t pmetric.AggregationTemporality, monotonic bool) func(pmetric.Metric) {
	return func(m pmetric.Metric) {
		m.SetEmptySum().SetIsMonotonic(monotonic)
		m.Sum().SetAggregationTemporality(t)
		fillNumbers(m.Sum().DataPoints())
	}
}

// A foreignPoint is any data point.
type foreignPoint interface {
	Attributes() pcommon.Map
	SetStartTimestamp(pcommon.Timestamp)
	SetTimestamp(pcommon.Timestamp)
	SetFlags(pmetric.DataPointFlags)
}

func fillPoint(p foreignPoint) {
	stampForeign(p)
	unheardOf(p.Attributes(), "point")
	p.SetFlags(pmetric.DefaultDataPointFlags)
}

// fillEnded writes one that says that its series has ended, and a flag that nobody knows.
func fillEnded(p foreignPoint) {
	fillPoint(p)
	p.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true) | 1<<31)
}

func stampForeign(p foreignPoint) {
	p.SetStartTimestamp(1_700_000_000_000_000_001)
	p.SetTimestamp(1_700_000_010_000_000_002)
}

func fillNumbers(points pmetric.NumberDataPointSlice) {
	p := points.AppendEmpty()
	fillPoint(p)
	p.SetIntValue(math.MinInt64)
	fillExemplars(p.Exemplars())
	p = points.AppendEmpty()
	fillPoint(p)
	p.SetDoubleValue(math.Inf(-1))
	fillEnded(points.AppendEmpty())
	points.AppendEmpty()
}

func fillExemplars(to pmetric.ExemplarSlice) {
	e := to.AppendEmpty()
	unheardOf(e.FilteredAttributes(), "exemplar")
	e.SetTimestamp(1_700_000_005_000_000_003)
	e.SetIntValue(-1)
	e.SetTraceID(pcommon.TraceID{1, 2, 3})
	e.SetSpanID(pcommon.SpanID{4, 5, 6})
	to.AppendEmpty().SetDoubleValue(math.SmallestNonzeroFloat64)
}

func explicitOf(t pmetric.AggregationTemporality) func(pmetric.Metric) {
	return func(m pmetric.Metric) {
		m.SetEmptyHistogram().SetAggregationTemporality(t)
		p := m.Histogram().DataPoints().AppendEmpty()
		fillPoint(p)
		p.SetCount(math.MaxUint64)
		p.SetSum(-1)
		p.SetMin(-2)
		p.SetMax(0)
		p.ExplicitBounds().FromRaw([]float64{2, 1, math.NaN()}) // in no order
		p.BucketCounts().FromRaw([]uint64{0, 1, 2, 3, 4})       // and not as many
		fillExemplars(p.Exemplars())
		fillEnded(m.Histogram().DataPoints().AppendEmpty())
	}
}

func exponentialOf(t pmetric.AggregationTemporality) func(pmetric.Metric) {
	return func(m pmetric.Metric) {
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(t)
		p := m.ExponentialHistogram().DataPoints().AppendEmpty()
		fillPoint(p)
		p.SetCount(1)
		p.SetSum(0)
		p.SetMin(math.Inf(-1))
		p.SetMax(math.Inf(1))
		p.SetScale(math.MinInt32)
		p.SetZeroCount(9)
		p.SetZeroThreshold(0.1)
		p.Positive().SetOffset(-3)
		p.Positive().BucketCounts().FromRaw([]uint64{0, 0, 1, 0})
		p.Negative().SetOffset(3)
		p.Negative().BucketCounts().FromRaw([]uint64{1})
		fillExemplars(p.Exemplars())
		fillEnded(m.ExponentialHistogram().DataPoints().AppendEmpty())
	}
}

func fillSummary(m pmetric.Metric) {
	p := m.SetEmptySummary().DataPoints().AppendEmpty()
	fillPoint(p)
	p.SetCount(2)
	p.SetSum(3)
	for _, quantile := range []float64{0, 0.5, 1} {
		q := p.QuantileValues().AppendEmpty()
		q.SetQuantile(quantile)
		q.SetValue(-quantile)
	}
	fillEnded(m.Summary().DataPoints().AppendEmpty())
}
