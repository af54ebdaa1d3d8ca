// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F16, a connection for each request, in 3 windows:
//
//	≥ 10 connections a second, of less than a second each, with ≤ 1 exchange on average
//
// It hurts nobody by itself: mild. Life is connection time per connection that ended, for
// the histogram of durations is switched off by default.
var shortConnections = Rule{
	Code: "F16", Type: "tcp_short_connections", Class: ClassConnect,
	AdviceID: "keep_alive",
	Advice:   "Each request opens a connection: use keep-alive and a pool.",
	match:    matchShortConnections,
}

const (
	minOpenedRate = 10 // a second
	shortLife     = 1  // second
)

func matchShortConnections(p *Pair) (Finding, bool) {
	short := func(r *Report) bool {
		return float64(r.Opened) >= minOpenedRate*r.Seconds && r.Closed > 0 &&
			r.connections() < shortLife*float64(r.Closed) && r.Exchanges <= r.Opened
	}
	if !p.Client || !p.Sender.held(ticks, short) {
		return Finding{}, false
	}
	s := p.Sender.last(ticks)
	return Finding{Side: SideSender, Mild: true, Evidence: fmt.Sprintf(
		"%.0f connections a second were opened, for %.1f exchanges and %.0f ms each.", float64(s.Opened)/s.Seconds,
		float64(s.Exchanges)/float64(s.Opened), 1e3*s.connections()/float64(s.Closed))}, true
}
