// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// A printer writes metrics with a line for each data point, so that a person
// can read what is expected. It leaves nothing out but descriptions.
type printer struct{ strings.Builder }

func printMetrics(md pmetric.Metrics) string {
	var p printer
	for _, rm := range md.ResourceMetrics().All() {
		p.line("resource %s %s", rm.SchemaUrl(), attributes(rm.Resource().Attributes()))
		for _, sm := range rm.ScopeMetrics().All() {
			p.line("scope %s %s %s%s", sm.Scope().Name(), sm.Scope().Version(), attributes(sm.Scope().Attributes()), sm.SchemaUrl())
			for _, m := range sm.Metrics().All() {
				p.metric(m)
			}
		}
	}
	return p.String()
}

func (p *printer) line(format string, args ...any) {
	p.WriteString(strings.TrimSpace(fmt.Sprintf(format, args...)) + "\n")
}

func (p *printer) metric(m pmetric.Metric) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		p.line("%s [%s] gauge", m.Name(), m.Unit())
		p.numbers(m.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		p.line("%s [%s] sum, monotonic %t, %s", m.Name(), m.Unit(), m.Sum().IsMonotonic(), m.Sum().AggregationTemporality())
		p.numbers(m.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		p.line("%s [%s] histogram, %s", m.Name(), m.Unit(), m.Histogram().AggregationTemporality())
		p.explicit(m.Histogram().DataPoints())
	case pmetric.MetricTypeExponentialHistogram:
		p.line("%s [%s] exponential histogram, %s", m.Name(), m.Unit(), m.ExponentialHistogram().AggregationTemporality())
		p.exponential(m.ExponentialHistogram().DataPoints())
	default:
		p.line("%s [%s] %s", m.Name(), m.Unit(), m.Type())
	}
}

func (p *printer) numbers(points pmetric.NumberDataPointSlice) {
	for _, point := range points.All() {
		value := "no value"
		switch point.ValueType() {
		case pmetric.NumberDataPointValueTypeInt:
			value = fmt.Sprint(point.IntValue())
		case pmetric.NumberDataPointValueTypeDouble:
			value = fmt.Sprintf("%v (double)", point.DoubleValue())
		}
		p.WriteString("  ")
		p.line("%s %s", head(point), value)
	}
}

func (p *printer) explicit(points pmetric.HistogramDataPointSlice) {
	for _, point := range points.All() {
		p.WriteString("  ")
		p.line("%s count %d sum %v%s", head(point), point.Count(), point.Sum(),
			extremes(point.HasMin(), point.HasMax(), point.Exemplars().Len()))
		for i, count := range point.BucketCounts().All() {
			upper := "+Inf"
			if i < point.ExplicitBounds().Len() {
				upper = fmt.Sprint(point.ExplicitBounds().At(i))
			}
			p.WriteString("    ")
			p.line("<= %s: %d", upper, count)
		}
	}
}

func (p *printer) exponential(points pmetric.ExponentialHistogramDataPointSlice) {
	for _, point := range points.All() {
		p.WriteString("  ")
		p.line("%s count %d sum %v scale %d zero %d offset %d %v negative %v%s",
			head(point), point.Count(), point.Sum(), point.Scale(), point.ZeroCount(),
			point.Positive().Offset(), point.Positive().BucketCounts().AsRaw(), point.Negative().BucketCounts().AsRaw(),
			extremes(point.HasMin(), point.HasMax(), point.Exemplars().Len()))
	}
}

func extremes(hasMin, hasMax bool, exemplars int) string {
	if !hasMin && !hasMax && exemplars == 0 {
		return ""
	}
	return fmt.Sprintf(" min %t max %t exemplars %d", hasMin, hasMax, exemplars)
}

func head(point interface {
	Attributes() pcommon.Map
	StartTimestamp() pcommon.Timestamp
	Timestamp() pcommon.Timestamp
	Flags() pmetric.DataPointFlags
}) string {
	return fmt.Sprintf("%s %s to %s flags %d:",
		attributes(point.Attributes()), sinceStart(point.StartTimestamp()), sinceStart(point.Timestamp()), point.Flags())
}

// sinceStart is a time as seconds since the observation began.
func sinceStart(t pcommon.Timestamp) string {
	if t == 0 {
		return "unset"
	}
	return fmt.Sprintf("%vs", (float64(t)-float64(second(0).Wall))/1e9)
}

func attributes(m pcommon.Map) string {
	var pairs []string
	for key, value := range m.All() {
		pairs = append(pairs, fmt.Sprintf("%s=%s(%s)", key, value.AsString(), value.Type()))
	}
	slices.Sort(pairs)
	return strings.ReplaceAll("{"+strings.Join(pairs, " ")+"}", "(Str)", "")
}
