// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F9, the listener's accept queue is full:
//
//	≥ 5 dropped requests within 30 s
//
// A client's retries count again. Not told apart: a flood of SYNs, for which the kernel uses
// cookies instead of its queue (no metric).
var acceptOverflow = Rule{
	Code: "F9", Type: "tcp_accept_overflow", Class: ClassConnect, Critical: true,
	AdviceID: "raise_backlog",
	Advice: "Connections wait to be accepted: raise the listener's backlog and net.core.somaxconn, look why the process does " +
		"not accept, or add replicas.",
	match: matchAcceptOverflow,
}

const minOverflows = 5

func matchAcceptOverflow(p *Pair) (Finding, bool) {
	r := p.Receiver.since(window)
	if !p.Client || r.Overflows < minOverflows {
		return Finding{}, false
	}
	return Finding{Side: SideListener, Evidence: fmt.Sprintf(
		"The listener dropped %d connection requests in %.0f s; its queue holds %d connections.",
		r.Overflows, r.Seconds, r.QueueLimit+1)}, true
}
