// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package localize

import "math"

// A score is how well a place explains what is bad and what is not.
type score struct {
	likelihood float64 // LL of the design, nats
	bad        []int32 // bad edges that nothing explains yet
	ways       [2]bool // of a pair: directions that have bad edges
	badAll     int     // bad edges, explained or not
	healthy    int
	received   int // bad edges that end here
	place      Place
}

// A board holds the scores of all places that have bad edges:
//
//	LL(c) = Σ bad min(S,h)/h·ln(q/ε) + Σ healthy ln((q·e^E+1−q)/(ε·e^E+1−ε)) − κ
type board struct {
	space   *space
	scores  map[key]*score
	edges   []Edge
	limit   float64
	buffer  [maxKeys + 1]key
	healthy int
}

func newBoard(bad, healthy []Edge, limit float64) *board {
	b := &board{space: newSpace(), scores: make(map[key]*score), edges: bad, limit: limit, healthy: len(healthy)}
	for i := range bad {
		b.addBad(int32(i))
	}
	b.space.open = false
	for i := range healthy {
		b.addHealthy(&healthy[i])
	}
	b.dropHalfPairs()
	return b
}

// weight of a bad edge in a place.
func (b *board) weight(kind Kind, i int32) float64 {
	return min(max(b.edges[i].Evidence, 0), b.limit) / b.limit * math.Log(priors[kind].quota/stray)
}

func (b *board) addBad(i int32) {
	e := &b.edges[i]
	for _, k := range b.space.keys(b.buffer[:0], e) {
		s := b.scores[k]
		if s == nil {
			s = &score{likelihood: -priors[k.kind()].cost, place: placeOf(k, e, b.space)}
			b.scores[k] = s
		}
		s.likelihood += b.weight(k.kind(), i)
		s.bad = append(s.bad, i)
		s.badAll++
		s.ways[way(s.place, e)] = true
		if receives(s.place, e) {
			s.received++
		}
	}
}

// healthyWeight is how much an edge that is well speaks against a fault at a place of a kind:
//
//	ln((q·e^E + 1−q) / (ε·e^E + 1−ε))
//
// Where little was sent little could be seen, and the edge says little.
func healthyWeight(kind Kind, evidence float64) float64 {
	bad, q := 0., priors[kind].quota
	if evidence < 0 {
		bad = math.Exp(evidence)
	}
	return math.Log((q*bad + 1 - q) / (stray*bad + 1 - stray))
}

func (b *board) addHealthy(e *Edge) {
	for _, k := range b.space.keys(b.buffer[:0], e) {
		if s := b.scores[k]; s != nil {
			s.likelihood += healthyWeight(k.kind(), e.Evidence)
			s.healthy++
		}
	}
}

// dropHalfPairs keeps a pair in both directions only where both are bad: else it says
// no more than the one direction does.
func (b *board) dropHalfPairs() {
	for k, s := range b.scores {
		if s.place.Both && (!s.ways[0] || !s.ways[1]) {
			delete(b.scores, k)
		}
	}
}

// explain takes the bad edges of a place out of all others.
func (b *board) explain(edges []int32) {
	gone := make(map[int32]bool, len(edges))
	for _, i := range edges {
		gone[i] = true
	}
	for k, s := range b.scores {
		left := s.bad[:0:0]
		for _, i := range s.bad {
			if gone[i] {
				s.likelihood -= b.weight(k.kind(), i)
			} else {
				left = append(left, i)
			}
		}
		s.bad = left
		if len(left) == 0 {
			delete(b.scores, k)
		}
	}
}

// placeOf names the place of an edge that has the key k.
func placeOf(k key, e *Edge, s *space) Place {
	p := Place{Kind: k.kind(), Both: k>>(2*nameBits)&1 == 1}
	first := uint32(k>>nameBits) & (1<<nameBits - 1)
	pick := func(from, to Name, fromID uint32) Name {
		if fromID == first {
			return from
		}
		return to
	}
	switch p.Kind {
	case KindPod:
		p.A = pick(e.From.Pod, e.To.Pod, s.pods[e.From.Pod])
	case KindWorkload:
		p.A = pick(e.From.Workload, e.To.Workload, s.workloads[e.From.Workload])
	case KindNode:
		p.A = pick(e.From.InNode(), e.To.InNode(), s.nodes[e.From.InNode()])
	case KindPair:
		p.A, p.B = e.From.Workload, e.To.Workload
	case KindNodePair:
		p.A, p.B = e.From.InNode(), e.To.InNode()
	case KindZonePair:
		p.A, p.B = e.From.InZone(), e.To.InZone()
	}
	if p.Both && compareNames(p.A, p.B) > 0 { // one place has one name, whichever edge comes first
		p.A, p.B = p.B, p.A
	}
	return p
}

// way is the direction of an edge within a pair.
func way(p Place, e *Edge) int {
	from := e.From.Workload
	switch p.Kind {
	case KindNodePair:
		from = e.From.InNode()
	case KindZonePair:
		from = e.From.InZone()
	}
	if from == p.A {
		return 0
	}
	return 1
}

// receives tells whether an edge ends at a place.
func receives(p Place, e *Edge) bool {
	switch p.Kind {
	case KindPod:
		return p.A == e.To.Pod
	case KindWorkload:
		return p.A == e.To.Workload
	case KindNode:
		return p.A == e.To.InNode()
	}
	return false
}
