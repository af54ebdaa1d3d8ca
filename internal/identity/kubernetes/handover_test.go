// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build k8s

package kubernetes_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/identity/kubernetes"
	"github.com/tcpwhy/tcpwhy/internal/testutil/apiserver"
)

// An answer is what was told of an address as of a time.
type answer struct {
	ip, told  string
	asked, at time.Time
}

// TestNoFlowIsWrongWhileAddressesMove hands each of some addresses from pod to pod, at
// once, some by deletion and some because a pod is over, on one node or from node to node,
// while others ask for them, as of now and as of before. A new pod has its address before
// its kubelet says so. The answer is who had it, or unknown.
func TestNoFlowIsWrongWhileAddressesMove(t *testing.T) {
	l := newLive(t)
	s := l.follow()
	const addresses, lives = 10, 20
	asked := make([]atomic.Int64, addresses)
	register := new(apiserver.Register)
	var group errgroup.Group
	done := make(chan struct{})
	for n := range addresses {
		h := l.heirs(s, n, &asked[n])
		h.Register = register
		group.Go(func() error { return h.HandOver(t.Context(), lives) })
	}
	answers := make(chan []answer)
	go func() { answers <- askAll(s, asked, done) }()
	err := group.Wait()
	close(done)
	all := <-answers
	require.NoError(t, err)

	right, unknown := 0, 0
	for _, a := range all {
		holders, sure := register.Holders(a.ip, a.at)
		switch {
		case a.told == "unknown" || a.told == "stranger":
			if sure {
				unknown++
			}
		case slices.ContainsFunc(holders, func(p *pod) bool { return p.Name == a.told }):
			right++
		default:
			t.Fatalf("asked at %s who had %s at %s: %s, but it was %q", a.asked, a.ip, a.at, a.told, names(holders))
		}
	}
	t.Logf("%d lives on %d addresses, %d answers: %d right, %d unknown, none wrong", addresses*lives, addresses, len(all), right, unknown)
	require.Greater(t, 2*right, unknown, "an address has each pod for a second, of which 0.5 s is in doubt at rest")
}

func names(pods []*pod) (all []string) {
	for _, p := range pods {
		all = append(all, p.Name)
	}
	return all
}

// heirs share an address. It stays on a node of their own, or goes from node to node, as
// where addresses are dealt out to all of them alike.
func (l *live) heirs(s *kubernetes.Source, n int, asked *atomic.Int64) *apiserver.Heirs {
	wait := func(most int64) func(*pod) error {
		return func(p *pod) error {
			enough := asked.Load() + rand.Int64N(most)
			return await(func() bool { return asked.Load() >= enough }, p.Name+" was asked for")
		}
	}
	h := &apiserver.Heirs{
		Client: l.admin, Namespace: l.namespace, Name: fmt.Sprintf("p%d", n), Nodes: []string{fmt.Sprintf("n%d", n)}, IPs: []string{address(n)},
		Known: func(p *pod) error {
			return await(func() bool { return s.Local(identity.Local{PodUID: p.UID}, 1) != nil }, p.Name+" is known")
		},
		Early: n%3 != 0,
		Late:  wait(20),
		// Some are over before anybody asks, some last longer than a second.
		Live: wait(150),
	}
	if n%2 == 0 {
		h.Nodes = append(h.Nodes, fmt.Sprintf("n%d", n+1), fmt.Sprintf("other%d", n))
	}
	return h
}

// await is for goroutines, which must not end the test.
func await(f func() bool, what string) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !f() {
		select {
		case <-tick.C:
		case <-late:
			return fmt.Errorf("wait until %s: it was not in %v", what, patience)
		}
	}
	return nil
}

func address(n int) string { return fmt.Sprintf("10.8.0.%d", n+1) }

// askAll asks for addresses at random, about a hundred times a second for each.
func askAll(s *kubernetes.Source, asked []atomic.Int64, done chan struct{}) (all []answer) {
	for {
		select {
		case <-done:
			return all
		case <-time.After(time.Millisecond):
		}
		n := rand.IntN(len(asked))
		ip := address(n)
		now := time.Now()
		at := now.Add(-time.Duration(max(0, rand.NormFloat64()*float64(5*time.Second))))
		all = append(all, answer{ip, remote(s, ip, 80, at), now, at})
		asked[n].Add(1)
	}
}
