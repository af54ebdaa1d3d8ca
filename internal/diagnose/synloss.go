// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F10, SYNs are lost: their retransmissions per attempt have risen (detector), ≥ 3 of them
// within 30 s. A full accept queue (F9) and a peer that never answers (F12) come first.
//
// Not it: a queue that holds what is sent for as long as a SYN waits for its answer. Round trips of the same pair tell:
// what is lost is in none of them. That is F7, of which SYNs that are sent again are a symptom.
var synLoss = Rule{
	Code: "F10", Type: "tcp_syn_retransmit", Class: ClassConnect,
	AdviceID: "check_syn_path",
	Advice: "Handshakes are repeated, each costs a second or more: check network policies, a full conntrack table, and " +
		"loss on the path.",
	match: matchSYNLoss,
}

const minSYN = 3

// LongTrip is half of the time after which a SYN is sent again, in seconds: TCP_TIMEOUT_INIT, include/net/tcp.h.
const LongTrip = .5

func matchSYNLoss(p *Pair) (Finding, bool) {
	s := p.Sender.since(window)
	if !p.Client || p.SYN == nil || s.Retransmits[RetransmitSYN] < minSYN {
		return Finding{}, false
	}
	return Finding{Side: SidePath, Weight: p.SYN.Evidence, Late: p.Held || p.outlast(LongTrip), Evidence: fmt.Sprintf(
		"%d SYNs were sent again in %.0f s, for %d attempts to connect.",
		s.Retransmits[RetransmitSYN], s.Seconds, s.attempts())}, true
}
