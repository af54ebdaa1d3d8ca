// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F14, large segments vanish (a path's MTU, and no ICMP that says so). In 2 windows:
//
//	≥ 2 open connections whose send queue holds a full segment each and more than was sent in
//	that time, and no window is closed
//	within 30 s: ≥ 2 timeouts for each of them, which are most of what is sent again
//
// while small segments come through: the peer's own do with a timeout for one in ten at most, or,
// where nobody observes the peer, connections have been established. A drop of all that is sent
// takes the peer's acknowledgements as well, so it has timeouts too.
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
	throughShare    = .1 // of the peer's segments that are lost at most
)

func matchBlackHole(p *Pair) (Finding, bool) {
	stuck := func(r *Report) bool {
		return r.Live >= 2 && r.SendQueue >= fullSegment*r.Live &&
			r.ZeroWindowProbes == 0 && r.share(ReceiveWindowLimited) < minWindowShare
	}
	now, s := p.Sender.last(blackHoleTicks), p.Sender.since(window)
	timeouts := s.Retransmits[RetransmitTimeout]
	if !p.Sender.held(blackHoleTicks, stuck) || now.Sent > now.SendQueue ||
		timeouts < minPerBlackHole*s.Live || 2*timeouts <= s.retransmits() || !smallPass(p) {
		return Finding{}, false
	}
	return Finding{Side: SidePath, Evidence: fmt.Sprintf(
		"Small segments come through, and of what %d connections sent nothing was acknowledged: %d timeouts, %d B wait.",
		s.Live, timeouts, s.SendQueue)}, true
}

// smallPass tells whether the peer's segments and acknowledgements, which are small, come through.
func smallPass(p *Pair) bool {
	if len(p.Receiver) == 0 {
		s := p.Sender.since(window)
		return s.Opened > 0
	}
	r := p.Receiver.last(blackHoleTicks)
	return r.DataSegments > 0 && float64(r.Retransmits[RetransmitTimeout]) <= throughShare*float64(r.DataSegments)
}
