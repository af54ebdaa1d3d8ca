// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"iter"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Time is that of a piece's latest point; zero if it has none.
func Time(md pmetric.Metrics) (latest time.Time) {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				if at := newest(m).AsTime(); newest(m) > 0 && at.After(latest) {
					latest = at
				}
			}
		}
	}
	return latest
}

// A point is one of any type.
type point interface {
	Attributes() pcommon.Map
	Timestamp() pcommon.Timestamp
}

// points are those of one type.
type points[P point] interface {
	All() iter.Seq2[int, P]
	RemoveIf(drop func(P) bool)
	Len() int
}

// remove takes away the points with such attributes, and returns how many are left.
func remove(m pmetric.Metric, drop func(pcommon.Map) bool) int {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return removeFrom(m.Gauge().DataPoints(), drop)
	case pmetric.MetricTypeSum:
		return removeFrom(m.Sum().DataPoints(), drop)
	case pmetric.MetricTypeHistogram:
		return removeFrom(m.Histogram().DataPoints(), drop)
	case pmetric.MetricTypeExponentialHistogram:
		return removeFrom(m.ExponentialHistogram().DataPoints(), drop)
	}
	return 0
}

func removeFrom[P point](from points[P], drop func(pcommon.Map) bool) int {
	from.RemoveIf(func(p P) bool { return drop(p.Attributes()) })
	return from.Len()
}

// newest is the time of a metric's latest point.
func newest(m pmetric.Metric) pcommon.Timestamp {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return newestOf(m.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		return newestOf(m.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		return newestOf(m.Histogram().DataPoints())
	case pmetric.MetricTypeExponentialHistogram:
		return newestOf(m.ExponentialHistogram().DataPoints())
	}
	return 0
}

func newestOf[P point](of points[P]) (latest pcommon.Timestamp) {
	for _, p := range of.All() {
		latest = max(latest, p.Timestamp())
	}
	return latest
}
