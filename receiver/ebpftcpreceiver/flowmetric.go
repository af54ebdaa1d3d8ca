// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A flowMetric says how a metric of flows is written. Either numbers or
// histogram is set.
type flowMetric struct {
	names.Metric
	points    int // of a flow, as a rule
	numbers   func(*writer, pmetric.NumberDataPointSlice, series)
	histogram func(*flow.Flow) *flow.Histogram
	kind      *histogramKind
}

// flowMetrics are all metrics of flows, in the order of their export.
var flowMetrics = []flowMetric{
	{Metric: names.FlowIO, points: 2, numbers: directed(func(f *flow.Flow) perDirection { return f.Bytes })},
	{Metric: names.FlowSegments, points: 2, numbers: directed(func(f *flow.Flow) perDirection { return f.Segments })},
	{Metric: names.FlowDataSegments, points: 2, numbers: directed(func(f *flow.Flow) perDirection { return f.DataSegments })},
	{Metric: names.FlowRetransmits, points: 1, numbers: (*writer).retransmits},
	{Metric: names.FlowRTT, points: 1, histogram: func(f *flow.Flow) *flow.Histogram { return &f.RTT }, kind: rttHistogram},
	{Metric: names.FlowRTTVariation, points: 1, histogram: func(f *flow.Flow) *flow.Histogram { return &f.RTTVariation }, kind: rttHistogram},
	{Metric: names.FlowReceiveWindow, points: 1, histogram: func(f *flow.Flow) *flow.Histogram { return &f.ReceiveWindow }, kind: windowHistogram},
	{Metric: names.FlowSendWindow, points: 1, histogram: func(f *flow.Flow) *flow.Histogram { return &f.SendWindow }, kind: windowHistogram},
	{Metric: names.FlowConnectionCount, points: 1, numbers: (*writer).connections},
	{Metric: names.FlowConnectionOpened, points: 1, numbers: (*writer).opened},
	{Metric: names.FlowConnectionClosed, points: 1, numbers: (*writer).closed},
}

type perDirection = [flow.NumDirections]uint64

func directed(values func(*flow.Flow) perDirection) func(*writer, pmetric.NumberDataPointSlice, series) {
	return func(w *writer, points pmetric.NumberDataPointSlice, s series) {
		for direction, value := range values(s.Flow) {
			w.sum(points, s, split{names.IODirection, directions[direction]}, value)
		}
	}
}

func (w *writer) retransmits(points pmetric.NumberDataPointSlice, s series) {
	w.sum(points, s, split{names.RetransmitType, names.RetransmitUnknown}, s.Retransmits)
}

func (w *writer) opened(points pmetric.NumberDataPointSlice, s series) {
	w.sum(points, s, split{}, s.Opened)
}

// connections writes a point for each state in which a connection was ever
// seen, so that no gauge stands still when the last one leaves, and always one
// for established connections.
func (w *writer) connections(points pmetric.NumberDataPointSlice, s series) {
	const established = 1
	for state, count := range s.Live {
		if state == established || s.States>>state&1 == 1 {
			w.gauge(points, s, split{names.ConnectionState, names.ConnectionStates[state]}, uint64(count))
		}
	}
}

// closed writes a point for each reason that ever occurred.
func (w *writer) closed(points pmetric.NumberDataPointSlice, s series) {
	for reason, count := range s.Closed {
		if count > 0 {
			w.sum(points, s, split{names.CloseReason, closeReasons[reason]}, count)
		}
	}
}
