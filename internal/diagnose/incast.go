// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F19, incast: many senders' answers meet at one receiver's link, and whole bursts are lost.
// It is seen across pairs only, of one receiver and one window:
//
//	≥ 5 senders with timeouts, which are ≥ half of what they sent again, while what the
//	receiver itself sends is not lost, and it does receive
//
// No metric has bins of milliseconds, which would show the line rate. Not it: a receiver
// that is dead, from which nobody hears anything.
var incast = Rule{
	Code: "F19", Type: "tcp_incast", Class: ClassLoss,
	AdviceID: "limit_fan_out",
	Advice: "Many answers arrive at once: limit the fan-out, add jitter, make replies smaller, use DCTCP or ECN, or a smaller " +
		"least timeout on the route (rto_min).",
}

const (
	minIncastSenders = 5
	minTimeoutShare  = .5
)

// Incast looks at all pairs that have one receiver.
func Incast(pairs []*Pair) (Finding, bool) {
	senders, retransmitted, timeouts := 0, uint64(0), uint64(0)
	var received, lost uint64
	for _, p := range pairs {
		s, r := p.Sender.last(1), p.Receiver.last(1)
		if s.Retransmits[RetransmitTimeout] > 0 {
			senders++
		}
		retransmitted += s.retransmits()
		timeouts += s.Retransmits[RetransmitTimeout]
		received += r.Received
		lost += r.Episodes
	}
	if senders < minIncastSenders || float64(timeouts) < minTimeoutShare*float64(retransmitted) || received == 0 || lost > 0 {
		return Finding{}, false
	}
	return Finding{Rule: &incast, Type: incast.Type, Side: SideReceiver, Evidence: fmt.Sprintf(
		"%d senders lost whole bursts to one receiver at once: %d of %d segments were sent again after a timeout.",
		senders, timeouts, retransmitted)}, true
}
