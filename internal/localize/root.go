// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package localize

import (
	"cmp"
	"math"
	"slices"
)

// A Candidate is a place that may be the root, and what speaks for it.
type Candidate struct {
	Place      Place
	Likelihood float64 // log-likelihood ratio of a fault there, nats
	// Bad of Total edges of the place are bad; elsewhere BadElsewhere of TotalElsewhere.
	Bad, Total, BadElsewhere, TotalElsewhere int
}

// A Root is the place of one fault.
type Root struct {
	Candidate
	// Confidence is 0 to 1: the root's share of the likelihood of all places that
	// explain any of its edges.
	Confidence float64
	// Candidates are the likeliest of these, the root first; at most maxCandidates.
	Candidates []Candidate
	// Edges are the indices of the bad edges that the root explains.
	Edges []int
	// Open says that either end of the pair may be it just as well.
	Open bool
}

// maxCandidates is how many places a root names, itself included.
const maxCandidates = 3

// minLikelihood is how much a place must explain, 20 to 1.
const minLikelihood = 3

// Cover finds the fewest places that explain bad edges on the path, the likeliest first,
// as healthy edges of the same time allow. An evidence of limit or more counts in full.
// What explains too little is left out: bad edges may be in no root.
func Cover(bad, healthy []Edge, limit float64) []Root {
	var roots []Root
	for b := newBoard(bad, healthy, limit); len(b.scores) > 0; {
		best := b.best()
		if best.likelihood < minLikelihood {
			break
		}
		r := b.root(best)
		roots = append(roots, r)
		b.explain(best.bad)
	}
	return roots
}

func (b *board) best() *score {
	var best *score
	for _, s := range b.scores {
		if best == nil || better(s, best) < 0 {
			best = s
		}
	}
	return best
}

// better orders by likelihood; where that is the same, what is more specific, then the
// callee, then by name comes first.
func better(x, y *score) int {
	if math.Abs(x.likelihood-y.likelihood) > 1e-9 {
		return cmp.Compare(y.likelihood, x.likelihood)
	}
	return cmp.Or(
		cmp.Compare(x.place.Kind, y.place.Kind),
		cmp.Compare(y.received, x.received),
		compareNames(x.place.A, y.place.A),
		compareNames(x.place.B, y.place.B),
	)
}

func compareNames(a, b Name) int {
	return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind),
		cmp.Compare(a.Name, b.Name))
}

// root weighs the best place against its rivals, those that explain some of the same.
func (b *board) root(best *score) Root {
	own := make(map[int32]bool, len(best.bad))
	r := Root{Candidate: b.candidate(best), Edges: make([]int, len(best.bad))}
	for i, edge := range best.bad {
		own[edge] = true
		r.Edges[i] = int(edge)
	}
	rivals := []*score{best}
	others := 0.
	for _, s := range b.scores {
		if s != best && slices.ContainsFunc(s.bad, func(i int32) bool { return own[i] }) {
			rivals = append(rivals, s)
			others += math.Exp(s.likelihood - best.likelihood)
		}
	}
	slices.SortFunc(rivals, better)
	r.Confidence = 1 / (1 + others)
	for _, s := range rivals[:min(maxCandidates, len(rivals))] {
		r.Candidates = append(r.Candidates, b.candidate(s))
	}
	r.Open = best.place.Kind == KindPair && openEnds(best, rivals)
	return r
}

func (b *board) candidate(s *score) Candidate {
	return Candidate{
		Place: s.place, Likelihood: s.likelihood,
		Bad: s.badAll, Total: s.badAll + s.healthy,
		BadElsewhere:   len(b.edges) - s.badAll,
		TotalElsewhere: len(b.edges) + b.healthy - s.badAll - s.healthy,
	}
}

// openEnds tells whether a pair was named although each of its ends explains it as well.
func openEnds(pair *score, rivals []*score) bool {
	ends := [2]bool{}
	for _, s := range rivals {
		if s.place.Kind != KindPod && s.place.Kind != KindWorkload || pair.likelihood-s.likelihood > 1.5 {
			continue
		}
		ends[min(s.received, 1)] = true
	}
	return ends[0] && ends[1]
}
