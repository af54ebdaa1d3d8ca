// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F3, a slow reader: the window is closed because data waits to be read.
//
//	sender: ≥ 20 % of wall time limited by the window in the last window, and within 30 s
//	        ≥ 1 s of it or ≥ 2 probes of a closed window
//	receiver: its queue holds ≥ half of its buffer
//
// Where nobody observes the receiver, probes alone tell.
//
// Not it: one closed window at the end of a burst; queue consumers and log shippers that
// mean to press back are called mild unless something rises besides, an answer is due, nothing was
// read in a window, or more connections end than get an answer.
var slowReader = Rule{
	Code: "F3", Type: "tcp_zero_window", Class: ClassWindow,
	AdviceID: "speed_up_reader",
	Advice: "The receiving process does not read: look at its CPU limit and throttling, garbage collection, locks, " +
		"and at what it waits for itself.",
	match: matchSlowReader,
}

const (
	minReaderShare = .2
	minReaderWait  = 1 // seconds
	minProbes      = 2
)

func matchSlowReader(p *Pair) (Finding, bool) {
	now, recent := p.Sender.last(1), p.Sender.since(window)
	if now.share(ReceiveWindowLimited) < minReaderShare ||
		recent.Time[ReceiveWindowLimited] < minReaderWait && recent.ZeroWindowProbes < minProbes {
		return Finding{}, false
	}
	queue := ""
	if len(p.Receiver) > 0 {
		if !queueIsFull(p.Receiver) {
			return Finding{}, false
		}
		queue = fmt.Sprintf(" %d B wait to be read there.", p.Receiver.last(1).ReceiveQueue)
	} else if recent.ZeroWindowProbes < minProbes {
		return Finding{}, false
	}
	return Finding{Side: SideReceiver, Mild: !hurts(p), Evidence: fmt.Sprintf(
		"The sender waited for the window %.1f s and probed a closed one %d times.%s",
		recent.Time[ReceiveWindowLimited], recent.ZeroWindowProbes, queue)}, true
}

// hurts tells whether somebody waits for the reader: round trips rose, an answer is due, nothing at all
// was read in a window, or more connections end than get an answer.
func hurts(p *Pair) bool {
	now, recent := p.Sender.last(1), p.Sender.since(window)
	stopped := now.Sent == 0 && now.Time[ReceiveWindowLimited] >= wholeShare*now.Seconds
	return p.RTT != nil || p.Jitter != nil || now.Awaiting > 0 || stopped || recent.Closed > recent.Exchanges
}
