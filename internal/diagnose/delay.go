// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F7, the round-trip time has risen (detector). A queue on the way fills if the smallest round-trip time has
// stayed; the path is another one if that has risen as well, or the shorter ones have at both ends ([longerWay]):
// the kernel's smallest is that of the last five minutes. A queue is of both ends' round trips. Where one end alone
// sees them rise, or calls wait for their server, what acknowledges may be late by itself, and no reason is told.
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

// outlast tells whether round trips last longer than that, in seconds, as either end sees.
func (p *Pair) outlast(seconds float64) bool {
	for _, rise := range [...]*Rise{p.RTT, p.Back} {
		if rise == nil {
			continue
		}
		if _, now := rise.now(); now >= seconds {
			return true
		}
	}
	return false
}

func matchDelay(p *Pair) (Finding, bool) {
	if p.RTT == nil {
		return Finding{}, false
	}
	from, to := p.RTT.now()
	return Finding{Side: SidePath, Weight: p.RTT.Evidence, Confirmed: p.Longer != nil, Evidence: fmt.Sprintf(
		"Round trips rose from %.3f ms to %.3f ms%s.", 1e3*from, 1e3*to, p.reason(to))}, true
}

// reason is what has made round trips longer, now so many seconds, as far as they tell.
func (p *Pair) reason(now float64) string {
	smallest := p.Sender.since(window).MinRTT
	short := smallest > 0 && now >= bloat*smallest
	late := Whose(p).Server || p.alone()
	switch {
	case p.Longer != nil, !short && !late:
		return "; the path has become longer"
	case late && short:
		return fmt.Sprintf("; the smallest is %.3f ms", 1e3*smallest)
	case late:
		return ""
	}
	return fmt.Sprintf("; the smallest is %.3f ms, so a queue fills on the way", 1e3*smallest)
}
