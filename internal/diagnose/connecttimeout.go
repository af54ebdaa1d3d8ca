// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F12, no connection: the peer does not answer, or cannot be reached.
//
//	≥ 3 attempts timed out or unreachable, and none succeeded, within 30 s
//
// Not it: losers of happy eyeballs, which their owner gives up (aborted).
var connectTimeout = Rule{
	Code: "F12", Type: "tcp_connect_timeout", Class: ClassConnect, Critical: true,
	AdviceID: "check_reachability",
	Advice: "No connection comes about: check network policies and firewalls, routes, a Service without endpoints, and a full " +
		"conntrack table.",
	match: matchConnectTimeout,
}

const minUnanswered = 3

func matchConnectTimeout(p *Pair) (Finding, bool) {
	s := p.Sender.since(window)
	timeouts, unreachable := s.Failed[FailedTimeout], s.Failed[FailedUnreachable]
	if !p.Client || s.Opened > 0 || timeouts+unreachable < minUnanswered {
		return Finding{}, false
	}
	return Finding{Side: SidePath, Evidence: fmt.Sprintf(
		"None of %d attempts to connect succeeded in %.0f s: %d timed out, %d were unreachable.",
		s.attempts(), s.Seconds, timeouts, unreachable)}, true
}
