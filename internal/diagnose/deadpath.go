// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F6 at its end, nothing comes through any more:
//
//	in each of the last windows that make 8 s or more, nothing of what waits was acknowledged, at
//	least one connection spent ≥ 90 % of the window with nothing but that, its window is open,
//	and ≥ 2 timeouts within 30 s; small segments do not come through either: less than a full one
//	waits, or handshakes are repeated, and none came to an end
//
// The detector of loss does not see it: one burst that is never acknowledged is one episode, and
// then nothing is sent that could be lost. Guard: a peer that has gone without a word looks the
// same, so do the few connections of a pair of pods that are stuck for any reason: less than 3
// connections take another pair that is stuck in the same place. A full accept queue drops the end of
// a handshake, and its client sends data that nobody takes: the listener says so.
var deadPath = Rule{
	Code: "F6", Type: "tcp_retransmit_rise", Class: ClassLoss,
	Stuck: true, AdviceID: "check_reachability",
	Advice: "Nothing comes through: check that the peer's machine is up, routes and network policies in both directions, " +
		"and interfaces; set TCP_USER_TIMEOUT to notice sooner.",
	match: matchDeadPath,
}

const (
	minDeadSeconds  = 8
	minDeadTimeouts = 2
	wholeShare      = .9 // of a window that is as good as all of it
	sureDead        = 3  // connections
)

func matchDeadPath(p *Pair) (Finding, bool) {
	dead := func(r *Report) bool {
		return r.Sent == 0 && r.SendQueue > 0 && r.Time[NetworkLimited] >= wholeShare*r.Seconds
	}
	ticks := p.Sender.run(dead)
	stuck, now, s := p.Sender.last(ticks), p.Sender.last(1), p.Sender.since(window)
	if stuck.Seconds < minDeadSeconds || s.Retransmits[RetransmitTimeout] < minDeadTimeouts || !p.smallStuck(ticks) ||
		p.Receiver.since(window).Overflows > 0 {
		return Finding{}, false
	}
	return Finding{Side: SidePath, Unsure: now.stuck() < sureDead, Evidence: fmt.Sprintf(
		"Of what %d connections sent nothing has been acknowledged for %.0f s: %d timeouts, %d B wait.",
		now.stuck(), stuck.Seconds, s.Retransmits[RetransmitTimeout], now.SendQueue)}, true
}

// smallStuck tells whether small segments do not come through either, in the last windows: less than
// a full one waits, or handshakes are repeated and none comes to an end.
func (p *Pair) smallStuck(windows int) bool {
	s, r := p.Sender.last(windows), p.Receiver.last(windows)
	small := func(r *Report) bool { return r.stuck() > 0 && r.SendQueue < fullSegment*r.stuck() }
	repeated := s.Retransmits[RetransmitSYN]+r.Retransmits[RetransmitSYN] > 0
	return s.Opened == 0 && r.Opened == 0 && (repeated || small(&s) || small(&r))
}

// Stuck is the time that connections spent with waiting for an acknowledgement, in seconds, if less was
// acknowledged than still waits.
func (r *Report) Stuck() float64 {
	if r.SendQueue == 0 || r.Sent > r.SendQueue {
		return 0
	}
	return r.Time[NetworkLimited]
}

// stuck is how many connections were so all the time.
func (r *Report) stuck() uint64 {
	if r.Seconds == 0 {
		return 0
	}
	return uint64(r.Stuck()/r.Seconds + 1 - wholeShare)
}
