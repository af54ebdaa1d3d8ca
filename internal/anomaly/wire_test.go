// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"fmt"
	"math"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// send puts a flow's points on the wire.
func (w *world) send(c, before *counter, at float64) {
	from := *c
	if w.delta {
		from = c.minus(before)
	}
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr(names.ProcessExecutableName, fmt.Sprint("client", c.client))
	rm.Resource().Attributes().PutInt(names.ProcessPID, int64(c.pid))
	w.nameResource(rm.Resource().Attributes(), c, at)
	metrics := rm.ScopeMetrics().AppendEmpty().Metrics()
	temporality, start := pmetric.AggregationTemporalityCumulative, c.start+c.skew
	if w.delta {
		temporality, start = pmetric.AggregationTemporalityDelta, c.sent
	}
	head := func(p written) {
		w.describe(p.Attributes(), c, at)
		p.SetStartTimestamp(second(start))
		p.SetTimestamp(second(at + w.offset[c.client]))
	}
	sum := func(name string) pmetric.NumberDataPointSlice {
		m := metrics.AppendEmpty()
		m.SetName(name)
		m.SetEmptySum().SetIsMonotonic(true)
		m.Sum().SetAggregationTemporality(temporality)
		return m.Sum().DataPoints()
	}
	if c.listens {
		p := sum(names.ListenerOverflows.Name).AppendEmpty()
		head(p)
		p.SetIntValue(from.bytes[0])
		w.post(md, c, at, from)
		return
	}
	m := metrics.AppendEmpty()
	m.SetName(names.FlowQueueSend.Name)
	q := m.SetEmptyGauge().DataPoints().AppendEmpty()
	head(q)
	q.SetIntValue(c.queue)
	io := sum(names.FlowIO.Name)
	for i, direction := range []string{names.Transmit, names.Receive} {
		p := io.AppendEmpty()
		head(p)
		p.Attributes().PutStr(names.IODirection, direction)
		p.SetIntValue(from.bytes[i])
	}
	p := sum(names.FlowTime.Name).AppendEmpty()
	head(p)
	p.SetDoubleValue(from.time)
	m = metrics.AppendEmpty()
	m.SetName(names.FlowRTT.Name)
	if c.explicit {
		h := m.SetEmptyHistogram()
		h.SetAggregationTemporality(temporality)
		q := h.DataPoints().AppendEmpty()
		head(q)
		from.fillExplicit(q)
	} else {
		h := m.SetEmptyExponentialHistogram()
		h.SetAggregationTemporality(temporality)
		q := h.DataPoints().AppendEmpty()
		head(q)
		w.fill(q, &from)
	}
	w.post(md, c, at, from)
}

// post puts points on the wire, and some twice.
func (w *world) post(md pmetric.Metrics, c *counter, at float64, from counter) {
	copies := 1 + w.rand.IntN(10)/9
	for range copies {
		sent := pmetric.NewMetrics()
		md.CopyTo(sent)
		w.wire = append(w.wire, parcel{metrics: sent, of: c, at: at, skew: w.offset[c.client], told: from})
	}
	c.sent = at
}

// finish puts on the wire that a flow's series have ended.
func (w *world) finish(c *counter, at float64) {
	w.send(c, c, at)
	p := &w.wire[len(w.wire)-1]
	p.end = true
	for _, m := range p.metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		ended := pmetric.DefaultDataPointFlags.WithNoRecordedValue(true)
		switch m.Type() {
		case pmetric.MetricTypeGauge:
			m.Gauge().DataPoints().At(0).SetFlags(ended)
		case pmetric.MetricTypeSum:
			for _, q := range m.Sum().DataPoints().All() {
				q.SetFlags(ended)
			}
		case pmetric.MetricTypeHistogram:
			m.Histogram().DataPoints().At(0).SetFlags(ended)
		default:
			m.ExponentialHistogram().DataPoints().At(0).SetFlags(ended)
		}
	}
}

// fillExplicit writes the histogram on powers of two. What is zero is below all others.
func (c *counter) fillExplicit(p pmetric.HistogramDataPoint) {
	octaves := c.octaves()
	bounds := []float64{math.Ldexp(1, -17)}
	for exponent := firstOctave; len(bounds) < len(octaves); exponent++ {
		bounds = append(bounds, math.Ldexp(1, exponent))
	}
	p.ExplicitBounds().FromRaw(bounds)
	p.BucketCounts().FromRaw(append(octaves[:], 0))
	p.SetCount(total(octaves[:]))
	p.SetSum(c.rttSum)
}

// fill writes the histogram at the flow's scale, and as few buckets as there are.
func (w *world) fill(p pmetric.ExponentialHistogramDataPoint, c *counter) {
	shift := 2 - c.scale
	first := int32(-20) >> shift
	counts := make([]uint64, (19>>shift)-first+1)
	for i, n := range c.rtt {
		counts[(int32(i)-20)>>shift-first] += n
	}
	for len(counts) > 0 && counts[0] == 0 && w.rand.IntN(2) == 0 {
		counts = counts[1:]
		first++
	}
	p.SetScale(c.scale)
	p.Positive().SetOffset(first)
	p.Positive().BucketCounts().FromRaw(counts)
	p.SetZeroCount(c.zero)
	p.SetCount(c.zero + total(counts))
	p.SetSum(c.rttSum)
}
