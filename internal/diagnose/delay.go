// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F7, the round-trip time has risen (detector). A queue on the way fills if connections are
// limited by the network and the smallest round-trip time has stayed; the path is another
// one if that has risen as well.
//
// Not it: F1, which comes first and is in no round-trip time.
var delay = Rule{
	Code: "F7", Type: "tcp_rtt_rise", Class: ClassDelay,
	AdviceID: "check_queue",
	Advice: "Round trips take longer: look for a filling queue on the way (shaper, saturated link: fair queueing or BBR " +
		"help), a longer path, or a node that is short of CPU.",
	match: matchDelay,
}

// bloat is how many times the smallest round-trip time a queue makes of it.
const bloat = 4

// ShortestTimeout is after how many seconds at least a segment is sent again without a sign of
// loss: TCP_RTO_MIN, include/net/tcp.h.
const ShortestTimeout = .2

// outlast tells whether round trips last so long that segments under way are sent again for nothing.
func (p *Pair) outlast() bool {
	return p.RTT != nil && p.RTT.Value >= ShortestTimeout || p.Back != nil && p.Back.Value >= ShortestTimeout
}

func matchDelay(p *Pair) (Finding, bool) {
	if p.RTT == nil {
		return Finding{}, false
	}
	s := p.Sender.since(window)
	where := "the path has become longer"
	if s.MinRTT > 0 && p.RTT.Value >= bloat*s.MinRTT {
		where = fmt.Sprintf("the smallest is %.3f ms, so a queue fills on the way", 1e3*s.MinRTT)
	}
	return Finding{Side: SidePath, Weight: p.RTT.Evidence, Confirmed: p.Longer != nil, Evidence: fmt.Sprintf(
		"Round trips rose from %.3f ms to %.3f ms; %s.%s", 1e3*p.RTT.Baseline, 1e3*p.RTT.Value, where, slowServer(p))}, true
}
