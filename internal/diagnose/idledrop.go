// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F13, something on the way forgets idle connections, and the next request finds no answer:
//
//	≥ 3 connections ended by timeout within 30 s, while connections were idle ≥ 90 % of their
//	time, and others with the same peer work
//
// No metric tells how long a connection was idle before its last write, nor that of open ones
// some get no acknowledgement: so it is seen only when they are given up, and a load balancer
// that answers with a reset is seen as resets. For the same reason what a path that let nothing through
// has left behind looks like it, up to two minutes after that has ended.
var idleDrop = Rule{
	Code: "F13", Type: "tcp_idle_drop", Class: ClassConnect, Belated: true,
	AdviceID: "set_keepalive",
	Advice: "Connections die while idle: set SO_KEEPALIVE with TCP_KEEPIDLE below the idle limit of load balancers and " +
		"firewalls on the way (often 350 s or 240 s), and TCP_USER_TIMEOUT to notice sooner.",
	match: matchIdleDrop,
}

const (
	minDropped   = 3
	minIdleShare = .9
)

func matchIdleDrop(p *Pair) (Finding, bool) {
	s := p.Sender.since(window)
	if s.ClosedByTimeout < minDropped || s.share(Idle) < minIdleShare || s.Exchanges == 0 {
		return Finding{}, false
	}
	return Finding{Side: SidePath, Evidence: fmt.Sprintf(
		"%d idle connections got no answer any more and timed out in %.0f s, while others made %d exchanges.",
		s.ClosedByTimeout, s.Seconds, s.Exchanges)}, true
}
