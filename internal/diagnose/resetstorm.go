// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F11, established connections are reset: resets per closed connection have risen (detector)
//
//	and there are ≥ 10 of them within 30 s
//
// Resets that a client sends are no fault of their own: it gave up what it waited for, a slow or stuck server
// or path, or was stopped itself. They are told of as an anomaly, and what it waited for is the cause.
//
// Not it: clients that close with SO_LINGER of 0 as they always did, and health checks that
// end with a reset: they are in the baseline.
var resetStorm = Rule{
	Code: "F11", Type: "tcp_reset_storm", Class: ClassReset,
	AdviceID: "find_resetter",
	Advice: "The peer resets connections: look for a process that dies or closes with unread data, an idle timeout that is " +
		"shorter than the client's, and a load balancer that drops connections.",
	match: matchResetStorm,
}

const minResets = 10

func matchResetStorm(p *Pair) (Finding, bool) {
	s := p.Sender.since(window)
	if p.Resets == nil || s.ResetsReceived < minResets {
		return Finding{}, false
	}
	return Finding{Side: SideReceiver, Weight: p.Resets.Evidence, Mild: !p.Client, Evidence: fmt.Sprintf(
		"%d connections were reset by the peer in %.0f s, of %d that ended.", s.ResetsReceived, s.Seconds, s.Closed)}, true
}
