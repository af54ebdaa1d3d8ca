// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package localize_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/localize"
)

// A fault hits the edges of a place.
type fault struct {
	place localize.Place
	hit   func(*localize.Edge) bool
}

// faultsAt returns faults at an edge's ends, one for each kind of place.
func faultsAt(e localize.Edge) []fault {
	from, to := e.From, e.To
	node := localize.Name{Name: from.Node}
	return []fault{
		{localize.Place{Kind: localize.KindPair, A: from.Workload, B: to.Workload}, func(e *localize.Edge) bool {
			return e.From.Workload == from.Workload && e.To.Workload == to.Workload
		}},
		{localize.Place{Kind: localize.KindPod, A: from.Pod}, func(e *localize.Edge) bool {
			return e.From.Pod == from.Pod || e.To.Pod == from.Pod
		}},
		{localize.Place{Kind: localize.KindWorkload, A: to.Workload}, func(e *localize.Edge) bool {
			return e.From.Workload == to.Workload || e.To.Workload == to.Workload
		}},
		{localize.Place{Kind: localize.KindNode, A: node}, func(e *localize.Edge) bool {
			return e.From.Node == from.Node || e.To.Node == from.Node
		}},
	}
}

// Faults of each kind, at places drawn by chance, of which the detectors have missed a
// tenth of the edges: the first root is the place of the fault.
func TestCoverNamesThePlace(t *testing.T) {
	right, cases := map[localize.Kind]int{}, map[localize.Kind]int{}
	for seed := range uint64(50) {
		c := newCluster(seed, 17, 3, 6, 4)
		random := rand.New(rand.NewPCG(seed, 1))
		for _, f := range faultsAt(c.edges[random.IntN(len(c.edges))]) {
			bad, healthy := c.split(random, .1, f.hit)
			roots := localize.Cover(bad, healthy, limit)
			require.NotEmpty(t, roots)
			cases[f.place.Kind]++
			if len(roots) == 1 && roots[0].Place == f.place {
				right[f.place.Kind]++
			} else {
				t.Logf("seed %d: %s is called %s, of %d roots", seed, f.place, roots[0].Sentence(), len(roots))
			}
		}
	}
	for kind, n := range cases {
		t.Logf("%s: %d of %d", kind, right[kind], n)
		assert.GreaterOrEqual(t, float64(right[kind]), .9*float64(n), kind.String())
	}
}

func TestTwoFaultsAreTwoRoots(t *testing.T) {
	c := newCluster(7, 17, 3, 6, 4)
	random := rand.New(rand.NewPCG(7, 1))
	first, second := faultsAt(c.edges[0])[0], faultsAt(c.edges[len(c.edges)-1])[1]
	bad, healthy := c.split(random, 0, func(e *localize.Edge) bool { return first.hit(e) || second.hit(e) })
	roots := localize.Cover(bad, healthy, limit)
	require.Len(t, roots, 2)
	assert.ElementsMatch(t, []localize.Place{first.place, second.place}, []localize.Place{roots[0].Place, roots[1].Place})
	for _, r := range roots {
		assert.Greater(t, r.Confidence, .9, "another fault is no rival: %s", r.Sentence())
	}
}

func TestOneEdgeCannotTellWhichEnd(t *testing.T) {
	bad := newCluster(1, 2, 1, 2, 2).edges[:1]
	bad[0].Evidence = limit
	roots := localize.Cover(bad, nil, limit)
	require.Len(t, roots, 1)
	assert.Equal(t, "1 of 1 edges of pair shop/service-0 → shop/service-1 are bad, 0 of 0 elsewhere; cannot tell which end.",
		roots[0].Sentence())
	assert.Less(t, roots[0].Confidence, .5)
	require.Len(t, roots[0].Candidates, 3)
	assert.Equal(t, pod(1, 0), roots[0].Candidates[1].Place.A, "of both ends the callee comes first")
}

func TestBothDirectionsAreOnePair(t *testing.T) {
	c := newCluster(3, 6, 2, 3, 3)
	a, b := c.edges[0].From.Workload, c.edges[0].To.Workload
	bad, healthy := c.split(rand.New(rand.NewPCG(1, 1)), 0, func(e *localize.Edge) bool {
		return e.From.Workload == a && e.To.Workload == b || e.From.Workload == b && e.To.Workload == a
	})
	roots := localize.Cover(bad, healthy, limit)
	require.Len(t, roots, 1)
	assert.Equal(t, localize.KindPair, roots[0].Place.Kind)
	assert.True(t, roots[0].Place.Both)
	assert.Len(t, roots[0].Edges, len(bad))
}

func TestWeakEvidenceIsNoRoot(t *testing.T) {
	bad := newCluster(1, 2, 1, 2, 2).edges[:1]
	bad[0].Evidence = limit / 2
	assert.Empty(t, localize.Cover(bad, nil, limit))
	assert.Empty(t, localize.Cover(nil, bad, limit))
}

func TestZonePair(t *testing.T) {
	c := newCluster(5, 17, 3, 6, 4)
	bad, healthy := c.split(rand.New(rand.NewPCG(1, 1)), .1, func(e *localize.Edge) bool {
		return e.From.Zone == "zone-0" && e.To.Zone == "zone-1"
	})
	roots := localize.Cover(bad, healthy, limit)
	require.Len(t, roots, 1)
	assert.Equal(t, "zone pair zone-0 → zone-1", roots[0].Place.String())
}

// The order in which edges come changes nothing.
func TestCoverIsDeterministic(t *testing.T) {
	c := newCluster(9, 17, 3, 6, 4)
	random := rand.New(rand.NewPCG(9, 1))
	bad, healthy := c.split(random, .2, faultsAt(c.edges[5])[3].hit)
	want := localize.Cover(bad, healthy, limit)
	for range 20 {
		random.Shuffle(len(bad), func(i, j int) { bad[i], bad[j] = bad[j], bad[i] })
		got := localize.Cover(bad, healthy, limit)
		require.Len(t, got, len(want))
		for i := range want {
			assert.Equal(t, want[i].Place, got[i].Place)
			assert.InDelta(t, want[i].Confidence, got[i].Confidence, 1e-9)
		}
	}
}

func BenchmarkCover(b *testing.B) {
	c := newCluster(1, 40, 4, 20, 8)
	c.edges = c.edges[:10_000]
	n := 0
	bad, healthy := c.split(rand.New(rand.NewPCG(1, 1)), 0, func(*localize.Edge) bool { n++; return n%100 == 0 })
	b.ReportMetric(float64(len(bad)), "bad")
	for b.Loop() {
		localize.Cover(bad, healthy, limit)
	}
}

// TestBothWaysHaveOneName whichever way is found first: another name would be another root.
func TestBothWaysHaveOneName(t *testing.T) {
	end := func(name string) localize.End { return localize.End{Workload: localize.Name{Name: name}} }
	there := localize.Edge{From: end("client"), To: end("server"), Evidence: limit}
	back := localize.Edge{From: end("server"), To: end("client"), Evidence: limit}
	for _, bad := range [][]localize.Edge{{there, back}, {back, there}} {
		roots := localize.Cover(bad, nil, limit)
		require.Len(t, roots, 1)
		assert.Equal(t, "pair client ↔ server", roots[0].Place.String())
	}
}

// TestWhatTellsLittleSaysLittle against a pod, two of whose clients lose segments: four others that have hardly sent
// anything, or a lot.
func TestWhatTellsLittleSaysLittle(t *testing.T) {
	for evidence, want := range map[float64]string{-.5: "pod shop/service-1-0", 0: "pair shop/service-0 → shop/service-1"} {
		var bad, healthy []localize.Edge
		for client, evidence := range []float64{limit, limit, limit, evidence, evidence, evidence, evidence} {
			e := between(max(client-1, 0), client%2, 1, 0, localize.SidePath)
			if client == 2 {
				e = between(2, 0, 1, 0, localize.SidePath)
			}
			if e.Evidence = evidence; evidence > 0 {
				bad = append(bad, e)
			} else {
				e.From = between(client+2, 0, 1, 0, localize.SidePath).From
				healthy = append(healthy, e)
			}
		}
		roots := localize.Cover(bad, healthy, limit)
		require.NotEmpty(t, roots)
		assert.Equal(t, want, roots[0].Place.String())
	}
}
