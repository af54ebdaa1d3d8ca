// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build k8s

package kubernetes_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/identity/kubernetes"
)

// A tenure is when a pod really had an address.
type tenure struct {
	name, ip  string
	got, left time.Time // left is zero as long as it has it
}

// An answer is what was told of an address as of a time.
type answer struct {
	ip, told  string
	asked, at time.Time
}

// TestNoFlowIsWrongWhileAddressesMove hands each of some addresses from pod to pod, at
// once, some by deletion and some because a pod is over, while others ask for them, as
// of now and as of before. The answer is who had it, or unknown.
func TestNoFlowIsWrongWhileAddressesMove(t *testing.T) {
	l := newLive(t)
	s := l.follow()
	const addresses, lives = 10, 20
	asked := make([]atomic.Int64, addresses)
	var mu sync.Mutex
	var tenures []*tenure
	var group errgroup.Group
	done := make(chan struct{})
	for n := range addresses {
		group.Go(func() error {
			h := &heirs{live: l, source: s, ip: address(n), node: fmt.Sprintf("n%d", n), asked: &asked[n]}
			return h.handOver(lives, func(f func(*[]*tenure)) {
				mu.Lock()
				defer mu.Unlock()
				f(&tenures)
			})
		})
	}
	answers := make(chan []answer)
	go func() { answers <- askAll(s, asked, done) }()
	err := group.Wait()
	close(done)
	all := <-answers
	require.NoError(t, err)

	right, unknown := 0, 0
	for _, a := range all {
		holders := truth(tenures, a.ip, a.at)
		switch {
		case a.told == "unknown" || a.told == "stranger":
			if len(holders) == 1 {
				unknown++
			}
		case slices.Contains(holders, a.told):
			right++
		default:
			t.Fatalf("asked at %s who had %s at %s: %s, but it was %q", a.asked, a.ip, a.at, a.told, holders)
		}
	}
	t.Logf("%d lives on %d addresses, %d answers: %d right, %d unknown, none wrong", addresses*lives, addresses, len(all), right, unknown)
	require.Greater(t, right, unknown)
}

// Heirs are pods that have one address, one after the other.
type heirs struct {
	*live
	source   *kubernetes.Source
	ip, node string
	asked    *atomic.Int64 // how often somebody asked for the address
}

// handOver gives the address to one pod after the other. The next one waits for it on
// the node before it is free, and has it within milliseconds.
func (h *heirs) handOver(lives int, with func(func(*[]*tenure))) error {
	var last *pod
	var of *tenure
	for i := range lives {
		next := &pod{name: fmt.Sprintf("%s-%d", h.node, i), node: h.node, ips: []string{h.ip}, once: i%3 == 0}
		if err := h.create(next); err != nil {
			return err
		}
		// A kubelet learns of a pod by a watch, too, and needs longer to give it an address.
		known := func() bool { return h.source.Local(identity.Local{PodUID: next.uid}, 1) != nil }
		if err := await(known, next.name+" is known"); err != nil {
			return err
		}
		if last != nil {
			if err := h.leave(last, of, with); err != nil {
				return err
			}
		}
		of = &tenure{name: next.name, ip: h.ip, got: time.Now()}
		with(func(all *[]*tenure) { *all = append(*all, of) })
		if err := h.start(next); err != nil {
			return err
		}
		last = next
		// Its life: some are over before anybody asks, some last longer than a second.
		enough := h.asked.Load() + rand.Int64N(150)
		if err := await(func() bool { return h.asked.Load() >= enough }, next.name+" was asked for"); err != nil {
			return err
		}
	}
	return nil
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

// leave frees the pod's address. Kubernetes is told after it.
func (h *heirs) leave(p *pod, of *tenure, with func(func(*[]*tenure))) error {
	if !p.once {
		if err := h.ask(p); err != nil {
			return err
		}
	}
	with(func(*[]*tenure) { of.left = time.Now() })
	if p.once {
		return h.finish(p)
	}
	return h.remove(p)
}

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

// truth returns who had an address at a time; if nobody had, who had it before and who
// after: nobody talks to it meanwhile.
func truth(tenures []*tenure, ip string, at time.Time) (holders []string) {
	var last, next *tenure
	for _, e := range tenures {
		switch {
		case e.ip != ip:
		case e.got.After(at):
			if next == nil || e.got.Before(next.got) {
				next = e
			}
		case e.left.IsZero() || e.left.After(at):
			return []string{e.name}
		case last == nil || e.left.After(last.left):
			last = e
		}
	}
	holders = []string{"", ""}
	if last != nil {
		holders[0] = last.name
	}
	if next != nil {
		holders[1] = next.name
	}
	return holders
}
