// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F7 without a detector: the shorter quarter of a pair of pods' round trips takes at least twice as long as
// it did, and 1 ms more, at both ends, in 3 windows.
//
// The detector of round trips asks whether all of a pair of workloads' take longer. Where one of its pods is
// slow half of them do, and where they have wandered for ten minutes it takes long to be sure. But nearly
// no short round trip waits for an answer, and both ends see the same way: on ways that are as ever it has
// not been seen in 111 recorded minutes of a busy machine.
//
// Not it: what the detector has found, which this confirms.
var longerWay = Rule{
	Code: "F7", Type: "tcp_rtt_rise", Class: ClassDelay,
	AdviceID: delay.AdviceID,
	Advice:   delay.Advice,
	match:    matchLongerWay,
}

func matchLongerWay(p *Pair) (Finding, bool) {
	if p.Longer == nil || p.RTT != nil {
		return Finding{}, false
	}
	return Finding{Side: SidePath, Evidence: fmt.Sprintf(
		"The shorter quarter of round trips takes %.3f ms, before %.3f ms, as both ends see; the path has become longer.",
		1e3*p.Longer.Value, 1e3*p.Longer.Baseline)}, true
}
