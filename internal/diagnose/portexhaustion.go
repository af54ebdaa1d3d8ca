// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F15, no local port is left to connect from: one is enough. Not told apart: a client that
// binds to a port itself that is busy.
//
// The warning before it, ports in use or in TIME_WAIT near their number, needs a metric of
// time-wait sockets, which are no full sockets and in no flow.
var portExhaustion = Rule{
	Code: "F15", Type: "tcp_port_exhaustion", Class: ClassConnect, Critical: true,
	AdviceID: "pool_connections",
	Advice: "The client has no port left for this peer: keep connections open in a pool, widen net.ipv4.ip_local_port_range, " +
		"set net.ipv4.tcp_tw_reuse=1, or use more addresses.",
	match: matchPortExhaustion,
}

func matchPortExhaustion(p *Pair) (Finding, bool) {
	s := p.Sender.since(window)
	if !p.Client || s.Failed[FailedNoAddress] == 0 {
		return Finding{}, false
	}
	return Finding{Side: SideSender, Evidence: fmt.Sprintf(
		"%d of %d attempts to connect found no free local port in %.0f s.", s.Failed[FailedNoAddress], s.attempts(), s.Seconds)}, true
}
