// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F6 without loss: the episodes per data segment in which the peer had got before what was
// sent again ([Report.Needless]) have risen (detector), and at least half of all that was
// sent again was needless. It is reordering if the receiver sees segments out of order, else
// a delay that the sender took for a loss.
//
// A host that is busy delays acknowledgements by itself: on paths of 0.1 ms a few needless
// probes in a thousand segments are nothing but that (measured: 124 of 257,575 with two
// cores for 36 pods, up to 6 in 1,000 of a pair for half a minute). Below 2 % it is mild.
var needless = Rule{
	Code: "F6", Type: "tcp_spurious_retransmit", Class: ClassLoss,
	AdviceID: "check_order",
	Advice: "Segments arrive, but late or in another order, and are sent again for nothing: look for paths of different " +
		"length (multipath, bonding), delay spikes, and CPU that one of the hosts is short of.",
	match: matchNeedless,
}

const (
	minNeedless   = 10 // segments
	needlessShare = .5
	mildNeedless  = .02 // of data segments
	// A probe at the end of what is sent is needless on any busy host. Segments that are overtaken
	// are an own kind of trouble: each one costs its receiver the time until it comes.
	mildReordering = .005
	minReordered   = .1 // segments out of order for each that was sent again
)

func matchNeedless(p *Pair) (Finding, bool) {
	s := p.Sender.since(window)
	sent := float64(s.retransmits())
	if p.Needless == nil || !s.mostlyNeedless() {
		return Finding{}, false
	}
	f := Finding{Side: SidePath, Weight: p.Needless.Evidence, Mild: p.Needless.Value < mildNeedless}
	if outOfOrder := p.Receiver.since(window).OutOfOrder; float64(outOfOrder) >= minReordered*sent {
		f.Type, f.Mild = "tcp_reordering", p.Needless.Value < mildReordering
	}
	f.Evidence = fmt.Sprintf("Needless retransmissions rose from %.3f%% to %.3f%% of data segments: the peer had %d of %d before.",
		100*p.Needless.Baseline, 100*p.Needless.Value, s.Spurious, s.retransmits())
	return f, true
}

// mostlyNeedless tells whether the peer had most of what was sent again.
func (r *Report) mostlyNeedless() bool {
	return r.Spurious >= minNeedless && float64(r.Spurious) >= needlessShare*float64(r.retransmits())
}
