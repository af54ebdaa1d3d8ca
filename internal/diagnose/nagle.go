// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F1, Nagle and delayed acknowledgement: a small write waits for the acknowledgement of the
// one before it. The receiver's kernel side counts such waits and their time exactly
// (tcp.flow.nagle.stalls, .stall_time), so no share of round trips has to be guessed:
//
//	stalls ≥ 5 in 3 windows, in at least 2 of them, and stall time ≥ 10 % of busy time
//
// Not it: an acknowledgement that is late while nothing waits (it is no stall), and
// TCP_CORK, where the application wants to wait (counted apart).
var nagle = Rule{
	Code: "F1", Type: "tcp_nagle_delayed_ack", Class: ClassWrite, Alike: true,
	AdviceID: "set_nodelay",
	Advice:   "Set TCP_NODELAY on the sender's socket, or write each message at once (one write or writev).",
	match:    matchNagle,
}

const (
	minStalls     = 5
	minStallShare = .1
	// ackDelay is how much longer than the path a wait is if the peer delays its
	// acknowledgement: the least delay is 40 ms.
	ackDelay = .025
)

func matchNagle(p *Pair) (Finding, bool) {
	s := p.Sender.last(ticks)
	busy := s.connections() - s.Time[Idle]
	stalled := p.Sender.often(ticks, func(r *Report) bool { return r.Stalls > 0 })
	if s.Stalls < minStalls || stalled < 2 || s.StallTime < minStallShare*busy {
		return Finding{}, false
	}
	mean := s.StallTime / float64(s.Stalls)
	why := "the peer's delayed acknowledgement"
	if mean-s.MinRTT < ackDelay {
		why = "a round trip of the path"
	}
	return Finding{Side: SideSender, Evidence: fmt.Sprintf(
		"%d small writes waited %.1f ms each for %s: %.0f%% of the time in which anything was to be sent.",
		s.Stalls, 1e3*mean, why, 100*s.StallTime/busy)}, true
}
