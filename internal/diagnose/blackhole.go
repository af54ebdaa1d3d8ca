// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F14, large segments vanish (a path's MTU, and no ICMP that says so). In 2 windows:
//
//	≥ 2 connections spent ≥ 90 % of the time with waiting for an acknowledgement, the send queue
//	holds a full segment for each and more than was sent in that time, and no window is closed
//	within 30 s, while that lasts and in the window before: ≥ 2 timeouts for each of them, which
//	are most of what is sent again
//	of all segments that were sent meanwhile the peer took less than half a full one each, and of those
//	that were sent again by timeout it had one in ten before at most
//
// while small segments come through, for as long as that lasts: connections have been established,
// or the peer's segments arrive, with a timeout for one in ten at most. A drop of all that is sent
// takes the peer's acknowledgements as well, so it has timeouts too. A connection that its peer has
// given up counts: what was sent on it is still to be acknowledged. Behind a deep queue all
// wait as long, but full segments arrive and nothing times out any more; so do they at a healthy pod beside a dead one.
// Before it is deep the sender's timeouts are shorter than it, and then the peer says that it had what came again (DSACK).
//
// No metric tells the size of what was sent again, nor how much the peer acknowledged: a
// peer that hung after the handshake looks the same to the sender unless its window closes.
var blackHole = Rule{
	Code: "F14", Type: "tcp_pmtu_blackhole", Class: ClassConnect, Critical: true, Stuck: true,
	AdviceID: "check_mtu",
	Advice: "Large segments vanish: check the MTU of the network plugin (VXLAN takes 50 B, IPIP 20, WireGuard 60 to 80), " +
		"clamp the MSS, let ICMP through, or set net.ipv4.tcp_mtu_probing=1.",
	match: matchBlackHole,
}

const (
	fullSegment     = 1200 // bytes, of the smallest path that is common
	blackHoleTicks  = 2
	minPerBlackHole = 2
	throughShare    = .1 // of the peer's segments that are lost at most, and of what is sent again that had come
)

func matchBlackHole(p *Pair) (Finding, bool) {
	full := func(r *Report) bool {
		n := r.stuck()
		return n >= 2 && r.SendQueue >= fullSegment*n && r.ZeroWindowProbes == 0 && r.share(ReceiveWindowLimited) < minWindowShare
	}
	ticks := p.Sender.run(full)
	now, s := p.Sender.last(blackHoleTicks), p.Sender.last(min(ticks+1, p.Sender.within(window)))
	timeouts, n := s.Retransmits[RetransmitTimeout], now.stuck()
	if ticks < blackHoleTicks || now.Sent > now.SendQueue || timeouts < minPerBlackHole*n || 2*timeouts <= s.retransmits() ||
		float64(s.rash()) > throughShare*float64(timeouts) || !p.smallPass(ticks) || p.largePass(ticks) {
		return Finding{}, false
	}
	return Finding{Side: SidePath, Evidence: fmt.Sprintf(
		"Small segments come through, and of what %d connections sent nothing was acknowledged: %d timeouts, %d B wait.",
		n, timeouts, s.SendQueue)}, true
}

// smallPass tells whether, in the last windows but the first, in part of which all was well, handshakes
// came to an end or the peer's data arrived.
func (p *Pair) smallPass(windows int) bool {
	s, r := p.Sender.last(windows-1), p.Receiver.last(windows-1)
	return s.Opened > 0 || r.Opened > 0 ||
		r.DataSegments > 0 && float64(r.Retransmits[RetransmitTimeout]) <= throughShare*float64(r.DataSegments)
}

// largePass tells whether, in the same windows, the peer took so much that full segments were among what
// arrived, even if all that was sent did.
func (p *Pair) largePass(windows int) bool {
	s, r := p.Sender.last(windows-1), p.Receiver.last(windows-1)
	return r.Received > 0 && 2*r.Received >= fullSegment*s.DataSegments
}
