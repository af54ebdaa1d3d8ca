// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F9, the listener's accept queue is full:
//
//	≥ 5 dropped requests within 30 s, and the queue was seen full, or this client felt it: it
//	sent SYNs again, not more than were dropped, or got no answer; and the queue can have been full: it was
//	seen half full, or as many connections as it holds have come within 30 s
//
// A client's retries count again. Who sends more SYNs again than the listener dropped has lost them
// on the way (10 % loss: 12 dropped, 41 sent again). Where SYNs wait on the way, a request's repeated ones come at once: the
// kernel answers one each half second (tcp_oow_rate_limited) and counts the others as dropped, though its queue is empty. The kernel counts a RST that reaches the listener as well, as of
// a health check that leaves a handshake half-done: that fills no queue. Not told apart: a flood of SYNs, for which the kernel uses
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
	r, s := p.Receiver.since(window), p.Sender.since(window)
	full := func(r *Report) bool { return r.QueueLimit > 0 && r.QueueLength > r.QueueLimit }
	again := s.Retransmits[RetransmitSYN]
	felt := again > 0 && again <= r.Overflows || s.Failed[FailedTimeout] > 0
	if !p.Client || r.Overflows < minOverflows || !felt && p.Receiver.often(p.Receiver.within(window), full) == 0 ||
		!p.canFill() {
		return Finding{}, false
	}
	return Finding{Side: SideListener, Evidence: fmt.Sprintf(
		"The listener dropped %d connection requests in %.0f s; its queue holds %d connections.",
		r.Overflows, r.Seconds, r.QueueLimit+1)}, true
}

// canFill tells whether the queue may have been full at any time.
func (p *Pair) canFill() bool {
	var fullest Report
	for _, r := range p.Receiver[len(p.Receiver)-p.Receiver.within(window):] {
		fullest.Queue(r.QueueLength, r.QueueLimit)
	}
	return 2*fullest.QueueLength >= fullest.QueueLimit || p.Arrived+fullest.QueueLength > fullest.QueueLimit
}
