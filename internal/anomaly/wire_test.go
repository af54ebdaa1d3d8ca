// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// send puts a flow's points on the wire, and some twice.
func (w *world) send(c *counter, from *counter, at float64) {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr(names.ProcessExecutableName, fmt.Sprint("client", c.client))
	rm.Resource().Attributes().PutInt(names.ProcessPID, int64(c.pid))
	metrics := rm.ScopeMetrics().AppendEmpty().Metrics()
	temporality, start := pmetric.AggregationTemporalityCumulative, c.start
	if w.delta {
		temporality, start = pmetric.AggregationTemporalityDelta, c.sent
	}
	head := func(p written) {
		p.Attributes().PutStr(names.DestinationAddress, fmt.Sprint("10.0.0.", c.peer))
		p.Attributes().PutStr(names.HandshakeRole, names.Client)
		p.SetStartTimestamp(second(start))
		p.SetTimestamp(second(at))
	}
	sum := func(name string) pmetric.NumberDataPointSlice {
		m := metrics.AppendEmpty()
		m.SetName(name)
		m.SetEmptySum().SetIsMonotonic(true)
		m.Sum().SetAggregationTemporality(temporality)
		return m.Sum().DataPoints()
	}
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
	m := metrics.AppendEmpty()
	m.SetName(names.FlowRTT.Name)
	h := m.SetEmptyExponentialHistogram()
	h.SetAggregationTemporality(temporality)
	q := h.DataPoints().AppendEmpty()
	head(q)
	w.fill(q, from)

	copies := 1 + w.rand.IntN(10)/9
	for range copies {
		sent := pmetric.NewMetrics()
		md.CopyTo(sent)
		w.wire = append(w.wire, sent)
	}
	c.sent = at
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
