// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F14, large segments vanish (a path's MTU, and no ICMP that says so). In 2 windows:
//
//	≥ 2 open connections whose send queue holds a full segment each, ≥ 2 timeouts for each of
//	them, all data segments sent again, and no window that is closed
//
// while small segments come through: connections have been established.
//
// No metric tells the size of what was sent again, nor how much the peer acknowledged: a
// peer that hung after the handshake looks the same to the sender unless its window closes.
var blackHole = Rule{
	Code: "F14", Type: "tcp_pmtu_blackhole", Class: ClassConnect, Critical: true,
	AdviceID: "check_mtu",
	Advice: "Large segments vanish: check the MTU of the network plugin (VXLAN takes 50 B, IPIP 20, WireGuard 60 to 80), " +
		"clamp the MSS, let ICMP through, or set net.ipv4.tcp_mtu_probing=1.",
	match: matchBlackHole,
}

const (
	fullSegment     = 1200 // bytes, of the smallest path that is common
	blackHoleTicks  = 2
	minPerBlackHole = 2
)

func matchBlackHole(p *Pair) (Finding, bool) {
	stuck := func(r *Report) bool {
		return r.Live >= 2 && r.SendQueue >= fullSegment*r.Live &&
			r.DataSegments > 0 && r.DataSegments <= r.retransmits() &&
			r.ZeroWindowProbes == 0 && r.share(ReceiveWindowLimited) < minWindowShare
	}
	s := p.Sender.since(window)
	if !p.Sender.held(blackHoleTicks, stuck) || s.Retransmits[RetransmitTimeout] < minPerBlackHole*s.Live ||
		float64(s.Sent) > fullSegment*10*float64(s.Live) {
		return Finding{}, false
	}
	return Finding{Side: SidePath, Evidence: fmt.Sprintf(
		"%d connections were established, and nothing that they sent since was acknowledged: %d timeouts, %d B wait.",
		s.Live, s.Retransmits[RetransmitTimeout], s.SendQueue)}, true
}
