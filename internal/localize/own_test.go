// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package localize_test

import (
	"cmp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/localize"
)

// between is the edge of two pods, with a listener at the second.
func between(from, fromPod, to, toPod int, side localize.Side) localize.Edge {
	return localize.Edge{
		From: localize.End{Workload: workload(from), Pod: pod(from, fromPod)},
		To:   localize.End{Workload: workload(to), Pod: pod(to, toPod), Port: 80},
		Side: side,
	}
}

func TestOwn(t *testing.T) {
	for name, test := range map[string]struct {
		bad, healthy []localize.Edge
		want         string
		confidence   float64
		candidates   []localize.Name // that follow the root
	}{
		"a reader's pod": {
			bad:     []localize.Edge{between(0, 0, 1, 0, localize.SideReceiver), between(2, 0, 1, 0, localize.SideReceiver)},
			healthy: []localize.Edge{between(0, 0, 1, 1, 0), between(0, 0, 1, 2, 0)},
			want:    "2 of 2 edges of pod shop/service-1-0 are bad, 0 of 2 elsewhere.",
		},
		"half of a workload's pods": {
			bad:        []localize.Edge{between(0, 0, 1, 0, localize.SideSender), between(0, 1, 1, 0, localize.SideSender)},
			healthy:    []localize.Edge{between(0, 2, 1, 0, 0), between(0, 3, 1, 0, 0), between(2, 0, 1, 0, 0)},
			confidence: .5, candidates: []localize.Name{pod(0, 0), pod(0, 1)},
			want: "2 of 4 edges of workload shop/service-0 are bad, 0 of 1 elsewhere.",
		},
		"a listener": {
			bad:  []localize.Edge{between(0, 0, 1, 0, localize.SideListener), between(2, 0, 1, 1, localize.SideListener)},
			want: "2 of 2 edges of listener shop/service-1:80 are bad, 0 of 0 elsewhere.",
		},
		"one pod's listener of three": {
			bad: []localize.Edge{
				between(0, 0, 1, 0, localize.SideListener),
				{From: localize.End{Workload: workload(2)}, To: localize.End{Workload: workload(1), Port: 80}, Side: localize.SideListener},
			},
			healthy: []localize.Edge{between(0, 0, 1, 1, 0), between(0, 0, 1, 2, 0)},
			want:    "1 of 1 edges of pod shop/service-1-0 are bad, 1 of 3 elsewhere.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			roots := localize.Own(test.bad, test.healthy)
			require.Len(t, roots, 1)
			assert.Equal(t, test.want, roots[0].Sentence())
			assert.Len(t, roots[0].Edges, len(test.bad))
			assert.Equal(t, cmp.Or(test.confidence, 1), roots[0].Confidence)
			var others []localize.Name
			for _, c := range roots[0].Candidates[1:] {
				assert.Equal(t, 1, c.Bad)
				others = append(others, c.Place.A)
			}
			assert.Equal(t, test.candidates, others)
		})
	}
}

func TestOwnLeavesPathsAlone(t *testing.T) {
	assert.Empty(t, localize.Own([]localize.Edge{between(0, 0, 1, 0, localize.SidePath)}, nil))
}

func TestOwnTellsPodsApart(t *testing.T) {
	bad := []localize.Edge{between(0, 0, 1, 0, localize.SideSender), between(2, 0, 1, 0, localize.SideSender)}
	assert.Len(t, localize.Own(bad, []localize.Edge{between(0, 1, 1, 0, 0), between(0, 2, 1, 0, 0)}), 2)
}

// TestPodsAreAlike where it is their program's manner, unless one is seen to be well.
func TestPodsAreAlike(t *testing.T) {
	for evidence, want := range map[float64]localize.Kind{0: localize.KindWorkload, -1: localize.KindPod} {
		bad, other := between(0, 0, 1, 0, localize.SideSender), between(0, 1, 1, 0, localize.SideSender)
		bad.Alike, other.Evidence = true, evidence
		roots := localize.Own([]localize.Edge{bad}, []localize.Edge{other})
		require.Len(t, roots, 1)
		assert.Equal(t, want, roots[0].Place.Kind)
	}
}
