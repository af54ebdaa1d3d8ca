// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"math/rand/v2"
	"slices"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// A world is agents whose flows count, end and begin anew, and a wire on which what they
// send is late, overtaken and doubled, and which is cut for some agents for a while. It
// knows by itself what the sums have to be.
type world struct {
	rand     *rand.Rand
	delta    bool // what is sent
	explicit int  // how many of three flows send such histograms
	flows    []*counter
	wire     []parcel
	cut      [worldClients]float64 // until when an agent sends in vain
	peers    [worldPeers]tenancy   // by address
	clients  [worldClients]tenancy
	briefing
	clocks
	// What is left of flows that are added up.
	pods, addresses bool
	ledger
}

// A parcel is what is on the wire.
type parcel struct {
	metrics pmetric.Metrics
	of      *counter
	at      float64
	skew    float64 // of the agent's clock then
	told    counter // what it says
	end     bool    // that the series has ended
}

const worldClients, worldPeers = 3, 4

// appear makes a flow at a time, or a listener. Before 0 is before the processor. Some differ from the one
// before in the key of their pair only, or in what their address is translated to.
func (w *world) appear(at float64) {
	id := flowID{client: w.rand.IntN(worldClients), pid: len(w.flows), peer: w.rand.IntN(worldPeers)}
	if n := len(w.flows); n > 0 && w.rand.IntN(3) == 0 && !w.flows[n-1].listens {
		id = w.flows[n-1].flowID
		if w.rand.IntN(2) == 0 {
			id.pair = n
		} else {
			id.behind = n
		}
		w.born(at, id)
		return
	}
	w.born(at, id).listens = w.rand.IntN(4) == 0
}

// born makes a life of a flow.
func (w *world) born(at float64, id flowID) *counter {
	c := &counter{
		flowID: id,
		start:  at, sent: at, skew: w.offset[id.client], scale: int32(w.rand.IntN(3)),
		explicit: w.rand.IntN(3) < w.explicit, account: newAccount(),
	}
	w.flows = append(w.flows, c)
	return c
}

// live lets all flows live for an interval.
func (w *world) live(at float64) {
	for _, c := range slices.Clone(w.flows) {
		if c.sent < c.start || w.rand.IntN(10) == 0 {
			continue // it has ended, or its agent is slow
		}
		before := *c
		w.act(c)
		w.send(c, &before, at)
		if w.rand.IntN(8) == 0 {
			again := w.born(at+0.5, c.flowID) // the same series with a new start
			again.explicit, again.listens = c.explicit, c.listens
			if w.delta {
				again.account = c.account // deltas are one series
			}
			if w.rand.IntN(2) == 0 && !w.delta {
				w.finish(c, at+0.2)
			}
			c.sent = c.start - 1
		}
	}
}

// interrupt cuts the wires of some agents.
func (w *world) interrupt(at float64) {
	for client := range w.cut {
		if w.cut[client] < at && w.rand.IntN(6) == 0 {
			w.cut[client] = at + float64(10*w.rand.IntN(12))
		}
	}
}

// deliver hands over some of what is on the wires that are not cut, not in order.
func (w *world) deliver(r *reducer, at float64, all bool) {
	w.rand.Shuffle(len(w.wire), func(i, j int) { w.wire[i], w.wire[j] = w.wire[j], w.wire[i] })
	n := len(w.wire)
	if !all {
		n = w.rand.IntN(n + 1)
	}
	var rest []parcel
	for i, p := range w.wire {
		if i >= n || !all && at < w.cut[p.of.client] {
			rest = append(rest, p)
			continue
		}
		w.enter(&p, at)
		r.add(p.metrics.ResourceMetrics(), w.instant(at))
	}
	w.wire = rest
}
