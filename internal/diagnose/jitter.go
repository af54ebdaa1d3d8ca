// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F8, jitter has risen (detector) and the round-trip time itself has not, by half at least:
// else it is F7.
var jitter = Rule{
	Code: "F8", Type: "tcp_jitter_rise", Class: ClassDelay,
	AdviceID: "check_variation",
	Advice: "Round trips vary more: look for a neighbour's bursts, CPU throttling on either node, wireless or overlay links, " +
		"and paths that change.",
	match: matchJitter,
}

func matchJitter(p *Pair) (Finding, bool) {
	if p.Jitter == nil || p.RTT != nil && p.RTT.Value >= 1.5*p.RTT.Baseline {
		return Finding{}, false
	}
	from, to := p.Jitter.now()
	return Finding{Side: SidePath, Weight: p.Jitter.Evidence, Evidence: fmt.Sprintf(
		"Jitter rose from %.3f ms to %.3f ms.", 1e3*from, 1e3*to)}, true
}
