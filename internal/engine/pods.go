// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"math"
	"slices"

	"github.com/tcpwhy/tcpwhy/internal/detect/shift"
	"github.com/tcpwhy/tcpwhy/internal/diagnose"
	"github.com/tcpwhy/tcpwhy/internal/localize"
)

const (
	// minPodEvidence is how much speaks for a pair of pods to be bad, or against it, nats.
	minPodEvidence = 2
	// podDispersion is how many episodes come at once.
	podDispersion = 1.5
	// minPodSamples is how many round trips of a pair of pods tell how it is.
	minPodSamples = 10
	// slowShare is the share of its round trips that is above the middle between the pair's
	// baseline and its rise where a pair of pods is slow, fastShare that where it is not.
	slowShare, fastShare = .3, .15
	// troubledShare is the least that a pair of pods has of what the worst one has, of trouble that
	// is counted, to be bad.
	troubledShare = .2
)

// pods are the pairs of pods that are bad, and those that are well, as far as what a cause is
// about tells them apart: none if it does not.
func (c *cause) pods(edge localize.Edge) (bad, well []localize.Edge) {
	if len(c.view.tracks) < 2 {
		return nil, nil
	}
	judge := c.judge()
	if judge == nil {
		return nil, nil
	}
	for _, t := range c.view.tracks {
		e := edge
		e.From, e.To = t.from, t.to
		if c.view.key.role == Listener {
			e.From, e.To = t.to, t.from
		}
		switch evidence := judge(t, edge.Evidence); {
		case evidence > 0:
			e.Evidence = evidence
			bad = append(bad, e)
		case evidence < 0:
			e.Evidence = evidence
			well = append(well, e)
		}
	}
	if c.finding.Rule.Stuck {
		well = slices.DeleteFunc(well, func(e localize.Edge) bool { return samePods(bad, &e) })
	}
	return bad, well
}

// samePods tells whether an edge is one of others but for its ports. Where something is stuck, what else
// the two pods say to each other is no evidence against it: it is smaller, or goes the other way.
func samePods(others []localize.Edge, e *localize.Edge) bool {
	return slices.ContainsFunc(others, func(o localize.Edge) bool {
		o.From.Port, o.To.Port = e.From.Port, e.To.Port
		return o.From == e.From && o.To == e.To
	})
}

// judge returns what tells how much speaks for a track to be bad, if all is the evidence for
// the pair: negative if it is well, 0 if nobody knows. It is nil if no track is told from others.
func (c *cause) judge() func(t *track, all float64) float64 {
	v := c.view
	if c.finding.Rule.Class == diagnose.ClassDelay && v.floorRisen() {
		return longer
	}
	switch c.finding.Rule {
	case rulesOf[kindLoss]:
		if a := v.risen[kindLoss]; a != nil {
			return losing(a.verdict.Baseline, a.verdict.Value)
		}
		return nil
	case rulesOf[kindRTT]:
		return slow(v, kindRTT, func(t *track) *spread { return t.rtt })
	case rulesOf[kindJitter]:
		return slow(v, kindJitter, func(t *track) *spread { return t.variation })
	}
	if c.finding.Rule.Class == diagnose.ClassWindow {
		return reading(v, c.finding.Rule)
	}
	if c.finding.Rule.Alike {
		return stalling(v)
	}
	return troubled(v, troubleOf(c.finding.Rule))
}

// losing judges by the likelihood of the pair's rise against its baseline.
func losing(from, to float64) func(t *track, all float64) float64 {
	p0 := min(max(from, 5e-5), .5)
	p1 := min(max(to, 3*p0), .9)
	return func(t *track, _ float64) float64 {
		r, n := t.episodes, math.Max(t.segments, t.episodes)
		evidence := (r*math.Log(p1/p0) + (n-r)*math.Log((1-p1)/(1-p0))) / podDispersion
		if math.Abs(evidence) < minPodEvidence {
			return 0
		}
		return evidence
	}
}

// slow judges by how many values are nearer to where the pair has risen than to where it was. A pair of pods is well if
// as many of its round trips are usually that long, as their acknowledgements wait for answers. One that has hardly
// any now, as all that is sent waits, is bad if it is one that has risen.
func slow(v *view, k kind, of func(*track) *spread) func(t *track, all float64) float64 {
	a := v.risen[k]
	if a == nil || a.verdict.Baseline <= 0 {
		return nil
	}
	middle := math.Sqrt(a.verdict.Baseline * a.verdict.Value)
	return func(t *track, all float64) float64 {
		total, above := of(t).above(middle)
		switch share := above / total; {
		case k == kindRTT && t.scant(v.report.Seconds) && slices.Contains(v.eyes[k], t.series.ID):
			return all
		case total < minPodSamples || k == kindRTT && t.scant(v.report.Seconds):
			return 0
		case share <= fastShare, k == kindRTT && v.excess(t, share, middle) <= fastShare:
			return -all
		case share >= slowShare:
			return all
		}
		return 0
	}
}

// scant tells whether a track has round trips three times less often now than in the last half minute, in windows of so
// many seconds.
func (t *track) scant(seconds float64) bool {
	often := func(s *spread, memory float64) float64 {
		all, _ := s.above(0)
		return all * (1 - math.Exp2(-seconds/memory))
	}
	return 3*often(t.fresh, max(seconds, freshMemory)) < often(t.rtt, halfMinute)
}

// excess is by how much a share of a track's round trips is larger than the one of those that were longer than that, in
// seconds, before they rose. What is usual has taken a part of the rise since.
func (v *view) excess(t *track, share, seconds float64) float64 {
	total, above := t.usual.above(seconds)
	since := float64(v.window-v.risen[kindRTT].opened) * v.report.Seconds
	return (share - above/max(total, 1)) * math.Exp2(since/floorMemory)
}

// troubled judges by how much of what is counted there is, beside the worst one.
func troubled(v *view, what trouble) func(t *track, all float64) float64 {
	worst := float32(0)
	if what < numTroubles {
		for _, t := range v.tracks {
			worst = max(worst, t.trouble[what])
		}
	}
	if worst == 0 {
		return nil
	}
	return func(t *track, all float64) float64 {
		if t.trouble[what] >= troubledShare*worst {
			return all
		}
		return -all
	}
}

// A spread is the distribution of the last half minute's values, older ones count for less. Nil
// is an empty one.
type spread [shift.Buckets]float32

func (s *spread) add(keep float64, h *shift.Histogram) *spread {
	if s == nil {
		s = new(spread)
	}
	for k, count := range h.Counts {
		s[k] = s[k]*float32(keep) + float32(count)
	}
	return s
}

// above returns how many values there are, and how many in buckets above that of a value.
func (s *spread) above(value float64) (total, above float64) {
	if s == nil {
		return 0, 0
	}
	for k, count := range s {
		total += float64(count)
		if shift.Lower(k) >= value {
			above += float64(count)
		}
	}
	return total, above
}

// A trouble is what is counted of tracks, to tell which are bad.
type trouble uint8

const (
	troubleRefused trouble = iota
	troubleTimeout
	troubleNoAddress
	troubleSYN
	troubleReset
	troubleStall
	troubleWindow
	troubleSendBuffer
	troubleNeedless
	troubleStuck
	troubleOverflow
	numTroubles
)

// troubleOf is what a rule counts; numTroubles is nothing that tells tracks apart.
func troubleOf(rule *diagnose.Rule) trouble {
	if rule.Stuck {
		return troubleStuck
	}
	switch rule.Type {
	case "tcp_connect_refused":
		return troubleRefused
	case "tcp_accept_overflow":
		return troubleOverflow
	case "tcp_connect_timeout":
		return troubleTimeout
	case "tcp_port_exhaustion":
		return troubleNoAddress
	case "tcp_syn_retransmit":
		return troubleSYN
	case "tcp_reset_storm":
		return troubleReset
	case "tcp_nagle_delayed_ack":
		return troubleStall
	case "tcp_zero_window", "tcp_receive_buffer_locked":
		return troubleWindow
	case "tcp_send_buffer_limited":
		return troubleSendBuffer
	case "tcp_spurious_retransmit":
		return troubleNeedless
	}
	return numTroubles
}

// troubles is how much of each a report has.
func troubles(r *diagnose.Report) [numTroubles]float32 {
	return [numTroubles]float32{
		troubleRefused:    float32(r.Failed[FailedRefused-FailedOtherwise]),
		troubleTimeout:    float32(r.Failed[FailedTimeout-FailedOtherwise]),
		troubleNoAddress:  float32(r.Failed[FailedNoAddress-FailedOtherwise]),
		troubleSYN:        float32(r.Retransmits[RetransmitSYN-RetransmitUnknown]),
		troubleReset:      float32(r.ResetsReceived),
		troubleStall:      float32(r.Stalls),
		troubleWindow:     float32(r.Time[diagnose.ReceiveWindowLimited]),
		troubleSendBuffer: float32(r.Time[diagnose.SendBufferLimited]),
		troubleNeedless:   float32(r.Needless()),
		troubleStuck:      float32(r.Stuck()),
		troubleOverflow:   float32(r.Overflows),
	}
}
