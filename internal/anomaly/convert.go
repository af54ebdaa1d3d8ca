// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// convert makes the exponential histograms of a resource explicit ones, each point by
// itself, if all of a metric's can be.
func convert(rm pmetric.ResourceMetrics) {
	for _, sm := range rm.ScopeMetrics().All() {
		for _, m := range sm.Metrics().All() {
			if m.Type() != pmetric.MetricTypeExponentialHistogram {
				continue
			}
			if explicit := explicitOf(m, reduce.NewBounds(ours(m).Bounds())); explicit != (pmetric.Metric{}) {
				explicit.MoveTo(m)
			}
		}
	}
}

// explicitOf returns the explicit histogram, or nothing.
func explicitOf(m pmetric.Metric, bounds *reduce.Bounds) pmetric.Metric {
	explicit := pmetric.NewMetric()
	explicit.SetName(m.Name())
	explicit.SetUnit(m.Unit())
	explicit.SetDescription(m.Description())
	to := explicit.SetEmptyHistogram()
	to.SetAggregationTemporality(m.ExponentialHistogram().AggregationTemporality())
	to.DataPoints().EnsureCapacity(m.ExponentialHistogram().DataPoints().Len())
	var read reduce.Point
	read.Shape = reduce.ShapeExponential
	for _, from := range m.ExponentialHistogram().DataPoints().All() {
		if !readExponential(&read, from) || !read.Valid() {
			return pmetric.Metric{}
		}
		convertPoint(to.DataPoints().AppendEmpty(), from, bounds, &read)
	}
	return explicit
}

func convertPoint(to pmetric.HistogramDataPoint, from pmetric.ExponentialHistogramDataPoint, bounds *reduce.Bounds, read *reduce.Point) {
	from.Attributes().CopyTo(to.Attributes())
	from.Exemplars().CopyTo(to.Exemplars())
	to.SetStartTimestamp(from.StartTimestamp())
	to.SetTimestamp(from.Timestamp())
	to.SetFlags(from.Flags())
	to.ExplicitBounds().FromRaw(bounds.Values())
	to.BucketCounts().FromRaw(bounds.Count(&read.Exponential))
	to.SetCount(from.Count())
	if from.HasSum() {
		to.SetSum(from.Sum())
	}
	if from.HasMin() {
		to.SetMin(from.Min())
	}
	if from.HasMax() {
		to.SetMax(from.Max())
	}
}
