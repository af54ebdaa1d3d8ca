// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// A manner is how intervals are told.
type manner string

const (
	plainly manner = ""
	twice   manner = "twice"   // each of them
	swapped manner = "swapped" // of two the later one first
	again   manner = "again"   // once more, three intervals later
	anew    manner = "anew"    // all flows begin anew with each, and say so
	fallen  manner = "fallen"  // values fall, and nobody says why
)

// tellBy tells an interval in a manner; it may hold points back.
func (p *player) tellBy(how manner, r *script, flows map[string]growth, at time.Time) []pmetric.Metrics {
	if how == anew || how == fallen {
		for name := range flows {
			p.begin(name, how == anew, at)
		}
	}
	md := p.tell(r, flows, at)
	switch how {
	case plainly, anew, fallen:
		return []pmetric.Metrics{md}
	case twice:
		return []pmetric.Metrics{copyOf(md), md}
	case swapped:
		if len(p.held) == 0 {
			p.held = append(p.held, md)
			return nil
		}
		first := p.held[0]
		p.held = nil
		return []pmetric.Metrics{md, first}
	case again:
		p.held = append(p.held, copyOf(md))
		if len(p.held) > 3 {
			old := p.held[0]
			p.held = p.held[1:]
			return []pmetric.Metrics{md, old}
		}
		return []pmetric.Metrics{md}
	}
	require.Fail(p.t, "no manner", how)
	return nil
}

// copyOf is to be told besides: whoever takes points may change them.
func copyOf(md pmetric.Metrics) pmetric.Metrics {
	other := pmetric.NewMetrics()
	md.CopyTo(other)
	return other
}

// remember lets flows have counted something before the processor began.
func (p *player) remember(r *script) {
	for name := range r.Before {
		p.starts[name] = p.began.Add(-time.Hour)
	}
	p.tell(r, r.Before, p.began.Add(-time.Minute))
	for name := range r.Before {
		for _, total := range p.totals[name] {
			total.old = true
		}
	}
}

func (p *player) start(name string) time.Time {
	if start, ok := p.starts[name]; ok {
		return start
	}
	return p.began
}

// meet notes that a total is told of: what an old one had counted until then is not added.
func (to *total) meet() {
	if to.old {
		to.old, to.unseen = false, to.sum
	}
}

// begin lets a flow's counters begin at zero, as of an interval that ends at a time.
func (p *player) begin(name string, says bool, at time.Time) {
	if says {
		p.starts[name] = at.Add(-time.Second)
	}
	for _, total := range p.totals[name] {
		total.former += total.sum
		total.sum = 0
		clear(total.buckets)
	}
}
