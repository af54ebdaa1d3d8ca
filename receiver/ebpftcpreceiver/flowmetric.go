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
	histogram func(*flow.Flow) *flow.Histogram // nil: none
	kind      *histogramKind
	listener  bool // of listeners instead of connections
}

// flowMetrics are all metrics of flows, in the order of their export.
var flowMetrics = []flowMetric{
	{Metric: names.FlowIO, points: 2, numbers: directed(func(f *flow.Flow) perDirection { return f.Bytes })},
	{Metric: names.FlowSegments, points: 2, numbers: directed(func(f *flow.Flow) perDirection { return f.Segments })},
	{Metric: names.FlowDataSegments, points: 2, numbers: directed(func(f *flow.Flow) perDirection { return f.DataSegments })},
	{Metric: names.FlowRetransmits, points: 1, numbers: (*writer).retransmits},
	{Metric: names.FlowRetransmitEpisodes, numbers: troubled(func(t *flow.Trouble) uint64 { return t.Episodes })},
	{Metric: names.FlowRetransmitSpurious, numbers: troubled(func(t *flow.Trouble) uint64 { return t.Spurious })},
	{Metric: names.FlowOutOfOrder, numbers: troubled(func(t *flow.Trouble) uint64 { return t.OutOfOrder })},
	{Metric: names.FlowRTT, points: 1, histogram: func(f *flow.Flow) *flow.Histogram { return &f.RTT }, kind: rttHistogram},
	{Metric: names.FlowRTTVariation, points: 1, histogram: func(f *flow.Flow) *flow.Histogram { return &f.RTTVariation }, kind: rttHistogram},
	{Metric: names.FlowRTTMin, points: 1, numbers: (*writer).rttMin},
	{Metric: names.FlowReceiveWindow, points: 1, histogram: func(f *flow.Flow) *flow.Histogram { return &f.ReceiveWindow }, kind: windowHistogram},
	{Metric: names.FlowSendWindow, points: 1, histogram: func(f *flow.Flow) *flow.Histogram { return &f.SendWindow }, kind: windowHistogram},
	{Metric: names.FlowConnectionCount, points: 1, numbers: (*writer).connections},
	{Metric: names.FlowConnectionOpened, points: 1, numbers: (*writer).opened},
	{Metric: names.FlowConnectionClosed, points: 1, numbers: (*writer).closed},
	{Metric: names.FlowConnectionFailed, numbers: (*writer).failed},
	{Metric: names.FlowConnectionSetupDuration, points: 1, histogram: func(f *flow.Flow) *flow.Histogram { return f.Setup }, kind: setupHistogram},
	{Metric: names.FlowConnectionDuration, points: 1, histogram: func(f *flow.Flow) *flow.Histogram { return f.Duration }, kind: durationHistogram},
	{Metric: names.FlowQueueSend, points: 1, numbers: gauged(func(g *flow.Gauges) uint64 { return g.QueueSend })},
	{Metric: names.FlowQueueUnsent, points: 1, numbers: gauged(func(g *flow.Gauges) uint64 { return g.QueueUnsent })},
	{Metric: names.FlowQueueReceive, points: 1, numbers: gauged(func(g *flow.Gauges) uint64 { return g.QueueReceive })},
	{Metric: names.FlowTime, points: int(flow.NumPhases), numbers: (*writer).phases},
	{Metric: names.FlowConnectionAwaiting, points: 1, numbers: (*writer).awaiting},
	{Metric: names.FlowExchanges, points: 1, numbers: (*writer).exchanges},
	{Metric: names.FlowZeroWindowProbes, numbers: troubled(func(t *flow.Trouble) uint64 { return t.Probes })},
	{Metric: names.FlowNagleStalls, numbers: troubled(func(t *flow.Trouble) uint64 { return t.Stalls })},
	{Metric: names.FlowNagleStallTime, numbers: (*writer).stallTime},
	{Metric: names.FlowCorkStalls, numbers: troubled(func(t *flow.Trouble) uint64 { return t.Corks })},
	{Metric: names.FlowReceiveBuffer, points: 1, numbers: locked(func(g *flow.Gauges) perLock { return g.ReceiveBuffer })},
	{Metric: names.FlowSendBuffer, points: 1, numbers: locked(func(g *flow.Gauges) perLock { return g.SendBuffer })},
	{Metric: names.FlowWindowScale, points: 2, numbers: (*writer).windowScale},
	{Metric: names.FlowCongestionWindow, points: 1, numbers: (*writer).congestionWindow},
	{Metric: names.FlowDeliveryRate, points: 1, numbers: gauged(func(g *flow.Gauges) uint64 { return g.DeliveryRate })},
	{Metric: names.Resets, numbers: (*writer).resets},
	{Metric: names.ListenerQueueLength, points: 1, listener: true, numbers: gauged(func(g *flow.Gauges) uint64 { return uint64(g.ListenQueue) })},
	{Metric: names.ListenerQueueLimit, points: 1, listener: true, numbers: gauged(func(g *flow.Gauges) uint64 { return uint64(g.ListenLimit) })},
	{Metric: names.ListenerOverflows, points: 1, listener: true, numbers: (*writer).overflows},
}

type perDirection = [flow.NumDirections]uint64

func directed(values func(*flow.Flow) perDirection) func(*writer, pmetric.NumberDataPointSlice, series) {
	return func(w *writer, points pmetric.NumberDataPointSlice, s series) {
		for direction, value := range values(s.Flow) {
			w.sum(points, s, split{key: names.IODirection, value: directions[direction]}, value)
		}
	}
}

func (w *writer) opened(points pmetric.NumberDataPointSlice, s series) {
	w.sum(points, s, split{}, s.Opened)
}

func (w *writer) exchanges(points pmetric.NumberDataPointSlice, s series) {
	w.sum(points, s, split{}, s.Exchanges)
}

// phases writes a point for each phase that there ever was, and always one for idle
// time.
func (w *writer) phases(points pmetric.NumberDataPointSlice, s series) {
	for phase, ns := range s.Time {
		if ns > 0 || phase == int(flow.PhaseIdle) {
			w.sumFraction(points, s, split{key: names.FlowPhase, value: phases[phase]}, float64(ns)/1e9)
		}
	}
}

// connections writes a point for each state in which a connection was ever
// seen, so that no gauge stands still when the last one leaves, and always one
// for established connections.
func (w *writer) connections(points pmetric.NumberDataPointSlice, s series) {
	const established = 1
	for state, count := range s.Live {
		if state == established || s.States>>state&1 == 1 {
			w.gauge(points, s, split{key: names.ConnectionState, value: names.ConnectionStates[state]}, uint64(count))
		}
	}
}

// closed writes a point for each reason that ever occurred.
func (w *writer) closed(points pmetric.NumberDataPointSlice, s series) {
	for reason, count := range s.Closed {
		if count > 0 {
			w.sum(points, s, split{key: names.CloseReason, value: closeReasons[reason]}, count)
		}
	}
}
