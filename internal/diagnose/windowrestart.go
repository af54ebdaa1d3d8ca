// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F17, a small congestion window on a long path, in 3 windows:
//
//	window ≤ 20 segments, ≥ 30 % of the time limited by the network, smallest round trip
//	≥ 5 ms, no retransmissions, more than 10 segments an exchange
//
// What fits into the first window does not wait for a larger one: who answers with one segment has
// 10 for ever, and data in flight for most of the time where the path is long.
//
// The metric of the congestion window is switched off by default: without it, no finding.
// No metric tells that the window fell because the connection was idle.
var windowRestart = Rule{
	Code: "F17", Type: "tcp_window_restart", Class: ClassDelay,
	AdviceID: "keep_window",
	Advice: "Transfers begin with a small window again and again: set net.ipv4.tcp_slow_start_after_idle=0, raise the route's " +
		"initcwnd, and keep connections open.",
	match: matchWindowRestart,
}

const (
	initialWindow    = 10 // segments, RFC 6928
	minRestartShare  = .3
	minRestartRTT    = .005 // seconds
	largestRestarted = 2 * initialWindow
)

func matchWindowRestart(p *Pair) (Finding, bool) {
	small := func(r *Report) bool {
		return r.CongestionWindow > 0 && r.CongestionWindow <= largestRestarted && r.retransmits() == 0 &&
			r.MinRTT >= minRestartRTT && r.share(NetworkLimited) >= minRestartShare &&
			r.DataSegments > initialWindow*r.Exchanges
	}
	if !p.Sender.held(ticks, small) {
		return Finding{}, false
	}
	s := p.Sender.last(ticks)
	return Finding{Side: SideSender, Mild: true, Evidence: fmt.Sprintf(
		"The congestion window is %d segments on a path of %.0f ms, without loss; the network limited %.0f%% of the time.",
		s.CongestionWindow, 1e3*s.MinRTT, 100*s.share(NetworkLimited))}, true
}
