// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build k8s

package kubernetes_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/identity/kubernetes"
	"github.com/tcpwhy/tcpwhy/internal/testutil/apiserver"
)

// TestNoFlowIsWrongInACrowd is a cluster of 50 nodes with 2,000 pods that stay, with addresses
// of both families that go from pod to pod and from service to service, and with pods that
// come and go in their nodes' network. The watch is cut, then the way to the API server is
// away for some lives, in which it restarts and its history is compacted. All the time both
// ends are asked for, as of now and as of before. While not all is told, the last known
// holder is an answer; afterwards the same questions are asked again.
func TestNoFlowIsWrongInACrowd(t *testing.T) {
	c := newChurn(t)
	done, questions := make(chan struct{}), make(chan []*question)
	go func() { questions <- c.ask(done) }()
	err := c.pass(2)
	if err == nil {
		err = c.pass(3, c.proxy.Cut) // whoever has an address then does not end by itself
	}
	if err == nil {
		err = c.away()
	}
	if err == nil {
		err = c.pass(2)
	}
	close(done)
	all := <-questions
	require.NoError(t, err)

	t.Logf("%d lives in %d seats, %d answers", len(c.lives), len(c.seats), len(all))
	live := c.count(all, false)
	live.check(t, "while it lasts")
	for _, q := range all {
		c.answer(q)
		q.lost = time.Time{}
	}
	after := c.count(all, true)
	after.check(t, "asked again")
	for k := range kinds {
		assert.Zero(t, after[k].LastKnown, k)
		if k.moves() {
			assert.NotZero(t, live[k].LastKnown, "%s: an address changed hands unseen", k)
		}
		if k.moves() || k == ownEnd {
			assert.Greater(t, after[k].Certain, enough, k)
		}
	}
}

// A churn is a cluster whose pods and services come and go.
type churn struct {
	*live
	source *kubernetes.Source
	stay   []*pod
	since  time.Time // all that stay are known since then
	// seats are what goes from one to the other.
	seats    []*seat
	pods     apiserver.Register
	services apiserver.RegisterOf[*service] // when they are used
	objects  apiserver.RegisterOf[*service] // when the API server has, or may have them
	isAway   atomic.Bool

	mu    sync.Mutex
	lives map[string]*life // by name
}

// A life is when a pod's kubelet, or who made a service, had told of it, and before when it
// was to end. Unseen is whether that was while nobody was told, once whether it may have
// ended by itself.
type life struct {
	told, end    time.Time
	unseen, once bool
}

// newChurn has all that stays, known, and seats that nobody has yet.
func newChurn(t *testing.T) *churn {
	c := &churn{live: newLive(t), lives: map[string]*life{}}
	for n := range manyNodes {
		c.node(nodeName(c.live, n), fmt.Sprintf("z%d", n%3), nodeAddresses(n)...)
	}
	c.source = c.follow()
	c.stay = c.crowd()
	for _, p := range c.stay {
		c.eventually(func() bool {
			return kubernetes.Tell(c.source.Local(identity.Local{ContainerID: p.Container()}, 1)) == p.Name
		}, p.Name+" is told")
	}
	for n := range podSeats {
		c.seats = append(c.seats, c.podSeat(n))
	}
	for n := range serviceSeats {
		c.seats = append(c.seats, c.serviceSeat(n))
	}
	for n := range hostSeats {
		c.seats = append(c.seats, c.hostSeat(n))
	}
	c.since = time.Now()
	return c
}

// pass hands all seats over, some times, and does something amid it.
func (c *churn) pass(lives int, amid ...func()) error {
	var group errgroup.Group
	for _, s := range c.seats {
		group.Go(func() error { return s.handOver(c.t.Context(), lives) })
	}
	for _, f := range amid {
		enough := c.seats[0].asked.Load() + 20
		if err := await(func() bool { return c.seats[0].asked.Load() >= enough }, "amid"); err != nil {
			return err
		}
		f()
	}
	return group.Wait()
}

// away passes without a way to the API server, which then crashes and forgets.
func (c *churn) away() error {
	c.proxy.Refuse()
	if err := await(func() bool { s := c.source.Status(); return !s.Pods.Lost.IsZero() && !s.Services.Lost.IsZero() }, "the loss is told"); err != nil {
		return err
	}
	c.isAway.Store(true)
	err := c.pass(2)
	c.isAway.Store(false)
	if err != nil {
		return err
	}
	if err := c.server.Compact(c.t.Context()); err != nil {
		return err
	}
	if err := c.server.Kill(); err != nil {
		return err
	}
	if err := c.server.Resume(); err != nil {
		return err
	}
	c.admin.Close() // its connections are dead
	if err := c.proxy.Listen(); err != nil {
		return err
	}
	return await(func() bool {
		s := c.source.Status()
		return s.Current() && s.Pods.Lost.IsZero() && s.Services.Lost.IsZero()
	}, "all is listed again")
}
