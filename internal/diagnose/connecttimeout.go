// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F12, no connection: the peer does not answer, or cannot be reached.
//
//	≥ 3 attempts timed out, unreachable or given up, and none succeeded, within 30 s or in 3
//	windows
//
// Most programs give up before the kernel does. Such an attempt counts if its SYN was sent
// again, a second later at the earliest. Not it: losers of happy eyeballs, which their owner
// gives up sooner, and a listener whose accept queue is full (F9).
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
	if s.Opened > 0 {
		s = p.Sender.last(ticks)
	}
	timeouts, unreachable, given := s.Failed[FailedTimeout], s.Failed[FailedUnreachable], uint64(0)
	if r := p.Receiver.since(window); r.Overflows < minOverflows {
		given = min(s.Failed[FailedAborted], s.Retransmits[RetransmitSYN])
	}
	if !p.Client || s.Opened > 0 || timeouts+unreachable+given < minUnanswered {
		return Finding{}, false
	}
	return Finding{Side: SidePath, Evidence: fmt.Sprintf(
		"None of %d attempts to connect succeeded in %.0f s: %d timed out, %d were unreachable, %d were given up after a second or more.",
		s.attempts()+given, s.Seconds, timeouts, unreachable, given)}, true
}
