// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A histogramKind is what the histograms of one quantity have in common.
type histogramKind struct {
	layout   flow.Layout
	bounds   []float64 // in the metric's unit
	explicit flow.Explicit
}

var (
	rttHistogram    = newHistogramKind(flow.RTTLayout, names.RTTBounds())
	windowHistogram = newHistogramKind(flow.WindowLayout, names.WindowBounds())

	setupHistogram    = newHistogramKind(flow.SetupLayout, names.SetupBounds())
	durationHistogram = newHistogramKind(flow.DurationLayout, names.DurationBounds())
)

// newHistogramKind panics if bounds do not fit the layout: both are constants.
func newHistogramKind(layout flow.Layout, bounds []float64) *histogramKind {
	explicit, err := layout.Explicit(bounds)
	if err != nil {
		panic(fmt.Sprintf("convert histogram: %v", err))
	}
	return &histogramKind{layout: layout, bounds: bounds, explicit: explicit}
}

// writeNothing gives a point without a value the sum and the buckets of one with
// a value: Prometheus has a series of each, and ends those that the point names.
func (k *histogramKind) writeNothing(p pmetric.HistogramDataPoint) {
	p.SetSum(0)
	p.BucketCounts().FromRaw(make([]uint64, len(k.bounds)+1))
	p.ExplicitBounds().FromRaw(k.bounds)
}
