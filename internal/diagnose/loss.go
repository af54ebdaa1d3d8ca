// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F6, loss: the episodes of retransmissions per data segment have risen (detector), but for
// those that were needless ([Report.Lost]). It is tail loss if half of what was sent again was
// so by timeout although fast retransmission was possible, which it is with more than a few
// segments an exchange.
//
// Not it: segments that overtake each other. More than a third of the fast retransmissions are
// for nothing then, and what seems to be lost is what the sender did not hear of in time: of
// 95 segments that a short connection's server sent again 63, none of which was lost. Nor the
// needless probes of a busy host, if there are hardly any fast retransmissions beside them.
//
// Where at least as many segments come out of order as are lost, the receiver has seen the gaps: what
// follows a lost one comes before it is sent again. On paths that lose nothing none does.
//
// Nor, where round trips outlast the sender's timeout, what the peer had before, or what has left
// no gap at the receiver: that is late, and the delay (F7) explains it.
//
// A request of one segment can be repaired by timeout only: there the share of timeouts
// says nothing of the path, and the finding stays a rise.
var loss = Rule{
	Code: "F6", Type: "tcp_retransmit_rise", Class: ClassLoss,
	AdviceID: "check_path",
	Advice: "Segments are lost between the two: check interface and switch errors, a rate limit on the way, conntrack and " +
		"queue drops on both nodes, and the network plugin's MTU.",
	match: matchLoss,
}

const (
	tailShare       = .5
	segmentsForFast = 8 // data segments an exchange, from which on duplicate acknowledgements come
	minGaps         = 5 // episodes, for the receiver to confirm them
)

func matchLoss(p *Pair) (Finding, bool) {
	s := p.Sender.since(window)
	if p.Loss == nil || p.Overtaken || s.overtaken() || s.mostlyProbes() {
		return Finding{}, false
	}
	f := Finding{Type: lossType(&s), Side: SidePath, Weight: p.Loss.Evidence, Confirmed: p.gaps() >= minGaps && p.gaps() >= s.Lost()}
	sent := s.retransmits()
	f.Late = p.Held || p.outlast(ShortestTimeout) && (float64(s.Spurious) >= needlessShare*float64(sent) || len(p.Receiver) > 0 && p.gaps() < minGaps)
	byTimeout := 0.
	if sent > 0 {
		byTimeout = 100 * float64(s.Retransmits[RetransmitTimeout]) / float64(sent)
	}
	f.Evidence = fmt.Sprintf("Retransmission episodes rose from %.3f%% to %.3f%% of data segments; %d segments were sent "+
		"again, %.0f%% of them after a timeout, %d for nothing.",
		100*p.Loss.Baseline, 100*p.Loss.Value, sent, byTimeout, s.Spurious)
	return f, true
}

func lossType(s *Report) string {
	if s.retransmits() > 0 && float64(s.Retransmits[RetransmitTimeout]) >= tailShare*float64(s.retransmits()) && s.Exchanges > 0 &&
		float64(s.DataSegments)/float64(s.Exchanges) >= segmentsForFast {
		return "tcp_tail_loss"
	}
	return "" // the rule's own
}

// gaps are how many segments the receiver has seen come before another one.
func (p *Pair) gaps() uint64 {
	r := p.Receiver.since(window)
	return r.OutOfOrder
}
