// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"math/rand/v2"
	"slices"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A world is agents whose flows count, end and begin anew, and a wire on which what they
// send is late, overtaken and doubled. It knows by itself what the sums have to be.
type world struct {
	rand  *rand.Rand
	delta bool // what is sent
	flows []*counter
	wire  []pmetric.Metrics
}

// A counter is one flow of an agent, in one of its lives.
type counter struct {
	client, pid, peer int
	start, sent       float64 // seconds
	bytes             [2]int64
	time              float64
	rtt               [40]uint64 // from index -20, scale 2
	zero              uint64
	rttSum            float64
	scale             int32
	first             *counter // as it was when its first point arrived
}

const worldClients, worldPeers = 3, 4

// born makes a flow at a time. Before 0 is before the processor.
func (w *world) born(at float64) *counter {
	c := &counter{
		client: w.rand.IntN(worldClients), pid: len(w.flows), peer: w.rand.IntN(worldPeers),
		start: at, sent: at, scale: int32(w.rand.IntN(3)),
	}
	w.flows = append(w.flows, c)
	return c
}

// act lets a flow count something.
func (w *world) act(c *counter) {
	c.bytes[0] += w.rand.Int64N(1 << 40)
	c.bytes[1] += w.rand.Int64N(2)
	c.time += w.rand.Float64() * 1e3
	for range w.rand.IntN(4) {
		c.rtt[w.rand.IntN(len(c.rtt))] += 1 + w.rand.Uint64N(100)
		c.rttSum += w.rand.Float64()
	}
	c.zero += w.rand.Uint64N(2)
	if c.scale > 0 && w.rand.IntN(20) == 0 {
		c.scale--
	}
}

// minus returns what one has more than another.
func (c *counter) minus(d *counter) *counter {
	diff := *c
	for i := range diff.bytes {
		diff.bytes[i] -= d.bytes[i]
	}
	for i := range diff.rtt {
		diff.rtt[i] -= d.rtt[i]
	}
	diff.zero -= d.zero
	diff.time -= d.time
	diff.rttSum -= d.rttSum
	return &diff
}

// live lets all flows live for an interval.
func (w *world) live(at float64) {
	for _, c := range slices.Clone(w.flows) {
		if c.sent < c.start || w.rand.IntN(10) == 0 {
			continue // it has ended, or its agent is slow
		}
		before := *c
		w.act(c)
		if w.delta {
			w.send(c, c.minus(&before), at)
		} else {
			w.send(c, c, at)
		}
		if w.rand.IntN(8) == 0 {
			again := w.born(at + 0.5) // the same series with a new start
			again.client, again.pid, again.peer = c.client, c.pid, c.peer
			c.sent = c.start - 1
		}
	}
}

// deliver hands over some of what is on the wire, not in order.
func (w *world) deliver(r *reducer, at float64, all bool) {
	w.rand.Shuffle(len(w.wire), func(i, j int) { w.wire[i], w.wire[j] = w.wire[j], w.wire[i] })
	n := len(w.wire)
	if !all {
		n = w.rand.IntN(n + 1)
	}
	for _, md := range w.wire[:n] {
		w.note(md)
		r.add(md.ResourceMetrics(), uint64(second(at)))
	}
	w.wire = w.wire[n:]
}

// note keeps what a series older than the processor had counted when its first point
// arrived.
func (w *world) note(md pmetric.Metrics) {
	rm := md.ResourceMetrics().At(0)
	pid, _ := rm.Resource().Attributes().Get(names.ProcessPID)
	metrics := rm.ScopeMetrics().At(0).Metrics()
	io := metrics.At(0).Sum().DataPoints()
	for _, c := range w.flows {
		if c.first != nil || c.start > 0 || int64(c.pid) != pid.Int() || second(c.start) != io.At(0).StartTimestamp() {
			continue
		}
		rtt := metrics.At(2).ExponentialHistogram().DataPoints().At(0)
		c.first = &counter{
			bytes: [2]int64{io.At(0).IntValue(), io.At(1).IntValue()}, time: metrics.At(1).Sum().DataPoints().At(0).DoubleValue(),
			zero: rtt.ZeroCount(), rttSum: rtt.Sum(),
		}
		c.first.rtt[0] = rtt.Count() - rtt.ZeroCount() // enough to know how many
	}
}
