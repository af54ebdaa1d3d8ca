// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F4, a send buffer that limits the sender.
//
//	≥ 10 % of wall time and ≥ 30 % of busy time limited by it, in 3 windows
//
// Certain if the application has set the buffer (SO_SNDBUF). Not it: round trips of
// microseconds, where a buffer never limits anything for long.
var sendBuffer = Rule{
	Code: "F4", Type: "tcp_send_buffer_limited", Class: ClassWindow,
	AdviceID: "unset_sndbuf",
	Advice:   "Remove SO_SNDBUF at the sender, or raise the largest size of net.ipv4.tcp_wmem.",
	match:    matchSendBuffer,
}

const (
	minSendShare = .1
	minSendBusy  = .3
	minSendRTT   = .0005 // seconds
)

func matchSendBuffer(p *Pair) (Finding, bool) {
	limited := func(r *Report) bool {
		busy := r.connections() - r.Time[Idle]
		return r.share(SendBufferLimited) >= minSendShare && r.Time[SendBufferLimited] >= minSendBusy*busy
	}
	s := p.Sender.last(ticks)
	if !p.Sender.held(ticks, limited) || s.MinRTT > 0 && s.MinRTT < minSendRTT {
		return Finding{}, false
	}
	set := "the kernel sizes the buffer"
	if s.LockedSendBuffer > 0 {
		set = fmt.Sprintf("the application has set the buffer to %d B", s.LockedSendBuffer)
	}
	return Finding{Side: SideSender, Mild: s.LockedSendBuffer == 0, Evidence: fmt.Sprintf(
		"The sender waited for room in its send buffer %.0f%% of the time; %s.", 100*s.share(SendBufferLimited), set)}, true
}
