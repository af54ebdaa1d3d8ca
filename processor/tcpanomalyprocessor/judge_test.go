// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && k8s

package tcpanomalyprocessor

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/apiserver"
)

// A judge holds what processors say against what is true.
type judge struct {
	t           *testing.T
	register    *apiserver.Register
	all, ofNode *teller // who know the cluster, and its first node alone
	expected    []*expectation
	moving      []*hearing
}

// A hearing is a call between addresses that pass from pod to pod.
type hearing struct {
	call
	all, ofNode [2]end
}

// known returns when a pod is known to all who are to know it.
func (j *judge) known(p *apiserver.Pod) error {
	tellers := []*teller{j.all}
	if p.Node == "n1" {
		tellers = append(tellers, j.ofNode)
	}
	for _, s := range tellers {
		if err := await(func() (bool, error) {
			pair, err := s.tell(j.next(&call{client: p, destination: "127.0.0.1"}))
			return pair[0].pod == p.Name, err
		}); err != nil {
			return err
		}
	}
	return nil
}

// next completes a call.
func (j *judge) next(c *call) *call {
	if c.at.IsZero() {
		c.at = time.Now()
	}
	return c
}

// exact wants a call to be told as expected.
func (j *judge) exact(e *expectation) {
	j.t.Helper()
	j.next(&e.call).port = int64(1 + len(j.expected))
	j.expected = append(j.expected, e)
	pair, err := j.all.tell(&e.call)
	require.NoError(j.t, err)
	require.Equal(j.t, [2]end{e.from, e.to}, pair, "%+v", e.call)
	if e.ofAll {
		return
	}
	pair, err = j.ofNode.tell(&e.call)
	require.NoError(j.t, err)
	from := e.from
	if e.leaving {
		from = nobody
	}
	require.Equal(j.t, [2]end{from, e.ofNode}, pair, "of one node: %+v", e.call)
}

// hear notes what is told of a call, of which the register knows the truth.
func (j *judge) hear(c *call) {
	j.t.Helper()
	h := &hearing{call: *j.next(c)}
	h.port = int64(30000 + len(j.moving))
	j.moving = append(j.moving, h)
	var err error
	h.all, err = j.all.tell(&h.call)
	require.NoError(j.t, err)
	h.ofNode, err = j.ofNode.tell(&h.call)
	require.NoError(j.t, err)
}

// pronounce wants that nobody was told who was not there, and some who were: how many of those who have just
// come are known depends on how late the watch is. Who stays is told exactly.
func (j *judge) pronounce() {
	j.t.Helper()
	var all, ofNode tally
	for _, h := range j.moving {
		for i, ip := range []string{h.source, h.destination} {
			holders, sure := j.register.Holders(ip, h.at)
			all.count(j.t, h, h.all[i], holders, sure)
			if holders[0].Node != "n1" {
				require.Equal(j.t, nobody, h.ofNode[i], "of one node, at %s: %+v", ip, h.call)
				continue
			}
			ofNode.count(j.t, h, h.ofNode[i], holders, sure)
		}
	}
	j.t.Logf("%d flows between addresses that move; of all: %+v; of one node: %+v", len(j.moving), all, ofNode)
	require.NotZero(j.t, all.right)
	require.NotZero(j.t, ofNode.right)
}

type tally struct{ right, unknown, between int }

func (y *tally) count(t *testing.T, h *hearing, told end, holders []*apiserver.Pod, sure bool) {
	t.Helper()
	switch {
	case told != nobody:
		y.right++
		require.Contains(t, ends(holders), told, "%+v", h.call)
	case sure:
		y.unknown++
	default:
		y.between++
	}
}

func ends(pods []*apiserver.Pod) (all []end) {
	for _, p := range pods {
		all = append(all, podEnd(p))
	}
	return all
}

// addedUp has a processor tell its sums, of ends as far as they survive there: each call is
// in one of them, the expected ones in theirs.
func (j *judge) addedUp(s *teller, survives func(end) end) {
	j.t.Helper()
	for _, e := range j.expected {
		require.NoError(j.t, s.metrics.ConsumeMetrics(j.t.Context(), e.metrics()))
	}
	for _, h := range j.moving {
		require.NoError(j.t, s.metrics.ConsumeMetrics(j.t.Context(), h.metrics()))
	}
	require.NoError(j.t, s.metrics.Shutdown(context.Background()))
	want, most := make(map[[2]end]int64), make(map[[2]end]int64)
	for _, e := range j.expected {
		want[[2]end{survives(e.from), survives(e.to)}]++
	}
	for _, h := range j.moving {
		sources, _ := j.register.Holders(h.source, h.at)
		destinations, _ := j.register.Holders(h.destination, h.at)
		for _, from := range append(ends(sources), nobody) {
			for _, to := range append(ends(destinations), nobody) {
				most[[2]end{survives(from), survives(to)}]++
			}
		}
	}
	var total int64
	for pair, sum := range pairs(s.behind.AllMetrics()) {
		total += sum
		if exactly, ok := want[pair]; ok {
			require.Equal(j.t, exactly, sum, "%+v", pair)
		} else {
			require.LessOrEqual(j.t, sum, most[pair], "%+v", pair)
		}
		delete(want, pair)
	}
	require.Empty(j.t, want)
	require.EqualValues(j.t, len(j.expected)+len(j.moving), total)
}
