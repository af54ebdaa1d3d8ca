// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// known has the metrics of the receiver by name.
var known = func() map[string]*names.Metric {
	byName := make(map[string]*names.Metric)
	for _, metric := range names.Metrics() {
		byName[metric.Name] = &metric
	}
	return byName
}()

// ours returns which metric of the receiver this is, or nil: a metric of that name with
// data of another kind is none.
func ours(m pmetric.Metric) *names.Metric {
	metric := known[m.Name()]
	if metric == nil || metric.Kind != kindOf(m) {
		return nil
	}
	return metric
}

func kindOf(m pmetric.Metric) names.Kind {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return names.Gauge
	case pmetric.MetricTypeSum:
		if m.Sum().IsMonotonic() && temporal(m.Sum().AggregationTemporality()) {
			return names.Sum
		}
	case pmetric.MetricTypeHistogram:
		if temporal(m.Histogram().AggregationTemporality()) {
			return names.Histogram
		}
	case pmetric.MetricTypeExponentialHistogram:
		if temporal(m.ExponentialHistogram().AggregationTemporality()) {
			return names.Histogram
		}
	}
	return ""
}

func temporal(t pmetric.AggregationTemporality) bool {
	return t != pmetric.AggregationTemporalityUnspecified
}

// count returns how many of a resource's metrics are ours, and how many are not.
func count(rm pmetric.ResourceMetrics) (our, foreign int) {
	for _, sm := range rm.ScopeMetrics().All() {
		for _, m := range sm.Metrics().All() {
			if ours(m) != nil {
				our++
			} else {
				foreign++
			}
		}
	}
	return our, foreign
}

// take moves resources with our metrics, and nothing else, from one to another. A
// resource that has both stays with what is not ours, as it is.
func take(from pmetric.Metrics, to pmetric.ResourceMetricsSlice) {
	from.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		our, foreign := count(rm)
		switch {
		case our == 0:
			return false
		case foreign == 0:
			rm.MoveTo(to.AppendEmpty())
			return true
		}
		split(rm, to.AppendEmpty())
		return false
	})
}

// split moves our metrics to a copy of their resource.
func split(from, to pmetric.ResourceMetrics) {
	from.Resource().CopyTo(to.Resource())
	to.SetSchemaUrl(from.SchemaUrl())
	from.ScopeMetrics().RemoveIf(func(sm pmetric.ScopeMetrics) bool {
		taken := pmetric.NewMetricSlice()
		sm.Metrics().RemoveIf(func(m pmetric.Metric) bool {
			if ours(m) == nil {
				return false
			}
			m.MoveTo(taken.AppendEmpty())
			return true
		})
		if taken.Len() == 0 {
			return false
		}
		scope := to.ScopeMetrics().AppendEmpty()
		sm.Scope().CopyTo(scope.Scope())
		scope.SetSchemaUrl(sm.SchemaUrl())
		taken.MoveAndAppendTo(scope.Metrics())
		return sm.Metrics().Len() == 0
	})
}
