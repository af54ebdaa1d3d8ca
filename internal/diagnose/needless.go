// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F6 without loss: the episodes per data segment in which the peer had got before what was
// sent again ([Report.Needless]) have risen (detector), and at least half of all that was
// sent again was needless, or more than a third of what was not sent as a probe. It is
// reordering if the receiver sees segments out of order, else a delay that the sender took
// for a loss.
//
// A host that is busy delays acknowledgements by itself, and a tail loss probe is sent 8 ms after
// data whatever the path's time is: on paths of 0.1 ms up to 3 in 100 segments are such probes, for nothing
// (36 pods on two cores). A probe costs a segment and no speed. So needless probes
// alone are mild below 10 %; segments that overtake each other make needless fast retransmissions,
// which halve the window: from 0.5 % on they are not mild.
//
// Not it: a queue that holds segments for longer than the shortest timeout. That is F7, of which what
// is sent again for nothing is a symptom.
var needless = Rule{
	Code: "F6", Type: "tcp_spurious_retransmit", Class: ClassLoss,
	AdviceID: "check_order",
	Advice: "Segments arrive, but late or in another order, and are sent again for nothing: look for paths of different " +
		"length (multipath, bonding), delay spikes, and CPU that one of the hosts is short of.",
	match: matchNeedless,
}

const (
	minNeedless   = 10 // segments
	minUnheard    = 5  // of them, where most are not heard of
	needlessShare = .5
	mildProbes    = .1   // of data segments
	mildRash      = .005 // of data segments, beyond probes
	minReordered  = .1   // segments out of order for each that was sent again
)

func matchNeedless(p *Pair) (Finding, bool) {
	s := p.Sender.since(window)
	sent := float64(s.retransmits())
	rash, overtaken := s.rash(), p.Overtaken || s.overtaken()
	if p.Needless == nil || !overtaken && (s.Spurious < minNeedless || float64(s.Spurious) < needlessShare*sent) {
		return Finding{}, false
	}
	if p.Overtaken {
		rash = s.retransmits() - s.Retransmits[RetransmitProbe]
	}
	f := Finding{Side: SidePath, Weight: p.Needless.Evidence, Mild: p.Needless.Value < mildProbes &&
		(rash < minNeedless || float64(rash) < mildRash*float64(s.DataSegments))}
	if float64(p.gaps()) >= minReordered*sent {
		f.Type = "tcp_reordering"
	}
	f.Late = f.Type == "" && p.outlast(ShortestTimeout)
	from, to := p.Needless.now()
	f.Evidence = fmt.Sprintf("Needless retransmissions rose from %.3f%% to %.3f%% of data segments: the peer had %d of %d before.",
		100*from, 100*to, s.Spurious, s.retransmits())
	return f, true
}

// rash is how many of the segments that were sent again in haste, not as probes, the peer had
// before: what it says to have had twice (DSACK) beyond what probes may explain. Where a path
// delivers segments twice it says so too, so they are as many as were sent again at most.
func (r *Report) rash() uint64 {
	probes := min(r.Spurious, r.Retransmits[RetransmitProbe])
	return min(r.Spurious-probes, r.retransmits()-r.Retransmits[RetransmitProbe])
}

// overtaken tells whether more than a third of the fast retransmissions were for nothing. The rest
// is, too: connections that have ended do not hear of it. Where segments are lost, none was.
func (r *Report) overtaken() bool {
	return r.rash() >= minNeedless && 3*r.rash() > r.retransmits()-r.Retransmits[RetransmitProbe]
}

// Overtaken tells whether segments seem to have overtaken each other in the windows that rules look at: most of what was
// sent again was so without waiting for a timeout, by which it would be late. If as many connections have ended as segments
// were sent again, one in eight for nothing is enough: any of them may be of a connection that did not hear of it.
func (h History) Overtaken() bool {
	s := h.since(window)
	rash, all := s.rash(), s.retransmits()-s.Retransmits[RetransmitProbe]
	unheard := rash >= minUnheard && 8*rash > all && s.Closed >= all
	return (unheard || s.overtaken()) && 2*s.Retransmits[RetransmitFast] > all
}

// mostlyProbes tells whether the peer had most of what was sent again before, and few of the rest
// were anything but probes: those are of a busy host, although it was not told of all in time.
func (r *Report) mostlyProbes() bool {
	return float64(r.Spurious) > needlessShare*float64(r.retransmits()) &&
		r.retransmits()-r.Retransmits[RetransmitProbe]-r.rash() < minNeedless
}
