// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"fmt"

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
)

// newHistogramKind panics if bounds do not fit the layout: both are constants.
func newHistogramKind(layout flow.Layout, bounds []float64) *histogramKind {
	explicit, err := layout.Explicit(bounds)
	if err != nil {
		panic(fmt.Sprintf("convert histogram: %v", err))
	}
	return &histogramKind{layout: layout, bounds: bounds, explicit: explicit}
}
