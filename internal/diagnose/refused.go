// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F11, connections are refused: nobody listens, or a firewall says so.
//
//	≥ 3 refused, and ≥ half of the attempts, within 30 s
var refused = Rule{
	Code: "F11", Type: "tcp_connect_refused", Class: ClassConnect, Critical: true,
	AdviceID: "check_listener",
	Advice:   "Nobody listens at the port: check that the process runs, listens on this address, and that the Service's port is right.",
	match:    matchRefused,
}

const minRefused = 3

func matchRefused(p *Pair) (Finding, bool) {
	s := p.Sender.since(window)
	n := s.Failed[FailedRefused]
	if !p.Client || n < minRefused || 2*n < s.attempts() {
		return Finding{}, false
	}
	return Finding{Side: SideReceiver, Evidence: fmt.Sprintf(
		"%d of %d attempts to connect were refused in %.0f s.", n, s.attempts(), s.Seconds)}, true
}
