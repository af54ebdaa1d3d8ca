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
	"github.com/tcpwhy/tcpwhy/internal/testutil/apiserver"
)

// TestNoFlowIsWrongInACrowd is a cluster of 2,000 pods that stay and of addresses that go
// from pod to pod on its 50 nodes. The watch is cut, then the way to the API server is
// away for some lives, in which it restarts and its history is compacted. All the time
// addresses are asked for, as of now and as of before. While not all is told, the last
// known holder is an answer; afterwards the same questions are asked again.
func TestNoFlowIsWrongInACrowd(t *testing.T) {
	c := &churn{live: newLive(t), lives: map[*pod]*life{}}
	c.source = c.follow()
	c.stay = c.crowd()
	for _, p := range c.stay {
		c.eventually(func() bool { return p.HostNetwork || remote(c.source, p.IPs[0], 80, time.Now()) == p.Name }, p.Name+" is told")
	}
	c.since = time.Now()
	done, questions := make(chan struct{}), make(chan []question)
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

	var live, after tally
	for _, q := range all {
		live.count(t, c.judge(&q), &q)
	}
	t.Logf("%d lives on %d addresses, %d answers while it lasts: %+v", len(c.lives), movers, len(all), live)
	for _, q := range all {
		q.told, q.lost = remote(c.source, q.ip, 80, q.at), time.Time{}
		verdict := c.judge(&q)
		after.count(t, verdict, &q)
		if p := c.certain(&q); p != nil {
			after.Certain++
			require.Equal(t, p.Name, q.told, "%+v", q)
		}
	}
	t.Logf("asked again: %+v", after)
	require.Zero(t, after.LastKnown)
	require.NotZero(t, live.LastKnown, "the address of a pod that stayed changed hands unseen")
	require.NotZero(t, after.Certain, "of addresses that move")
}

// movers is how many addresses go from pod to pod.
const movers = 40

// A churn is a cluster whose pods come and go.
type churn struct {
	*live
	source   *kubernetes.Source
	stay     []*pod
	since    time.Time // all that stay are known since then
	heirs    []*apiserver.Heirs
	register apiserver.Register
	asked    [movers]atomic.Int64
	isAway   atomic.Bool

	mu    sync.Mutex
	lives map[*pod]*life
}

// A life is when a pod's kubelet had told of it, and before when it was to end. Unseen is
// whether that was while nobody was told.
type life struct {
	told, end time.Time
	unseen    bool
}

// A question is one, with its answer. If not all was told then, lost is since when, and
// heard when the API server was heard last.
type question struct {
	ip, told        string
	at, lost, heard time.Time
	stays           *pod // whose the address is for good
}

// pass hands all addresses over, some times, and does something amid it.
func (c *churn) pass(lives int, amid ...func()) error {
	for n := len(c.heirs); n < movers; n++ {
		c.heirs = append(c.heirs, c.heir(n))
	}
	var group errgroup.Group
	for _, h := range c.heirs {
		group.Go(func() error { return h.HandOver(c.t.Context(), lives) })
	}
	for _, f := range amid {
		enough := c.asked[0].Load() + 20
		if err := await(func() bool { return c.asked[0].Load() >= enough }, "amid"); err != nil {
			return err
		}
		f()
	}
	return group.Wait()
}

// away passes without a way to the API server, which then crashes and forgets.
func (c *churn) away() error {
	c.proxy.Refuse()
	if err := await(func() bool { status := c.source.Status(); return !status.Current() }, "the loss is told"); err != nil {
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
	return await(func() bool { status := c.source.Status(); return status.Current() && status.Lost.IsZero() }, "all is listed again")
}

func (c *churn) heir(n int) *apiserver.Heirs {
	asked := &c.asked[n]
	wait := func(p *pod, most int64) error {
		enough := asked.Load() + rand.Int64N(most)
		return await(func() bool { return asked.Load() >= enough }, p.Name+" was asked for")
	}
	return &apiserver.Heirs{
		Client: c.admin, Namespace: c.namespace, Name: fmt.Sprintf("m%d", n), IPs: []string{moving(n)}, Register: &c.register, Early: n%2 == 0,
		Nodes: []string{nodeName(c.live, n), nodeName(c.live, n+n%3), nodeName(c.live, n+2*(n%3))},
		Known: func(p *pod) error {
			return await(func() bool { return c.isAway.Load() || c.source.Local(identity.Local{PodUID: p.UID}, 1) != nil }, p.Name+" is known")
		},
		Late: func(p *pod) error { return wait(p, 10) },
		Live: func(p *pod) error {
			told := time.Now()
			err := wait(p, 150)
			if err == nil && !p.Once && n%4 == 0 { // Kubernetes' times are of seconds
				err = await(func() bool { return time.Since(told) > 4*time.Second }, p.Name+" lasts")
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.lives[p] = &life{told: told, end: time.Now(), unseen: c.isAway.Load()}
			return err
		},
	}
}

func moving(n int) string { return fmt.Sprintf("10.9.0.%d", n+1) }

// ask asks for addresses at random, until it is done.
func (c *churn) ask(done chan struct{}) (all []question) {
	for {
		select {
		case <-done:
			return all
		case <-time.After(time.Millisecond):
		}
		for range 3 {
			n := rand.IntN(movers)
			all = append(all, c.put(question{ip: moving(n)}))
			c.asked[n].Add(1)
		}
		if p := c.stay[rand.IntN(manyPods)]; !p.HostNetwork {
			all = append(all, c.put(question{ip: p.IPs[rand.IntN(2)], stays: p}))
		}
	}
}

// put asks one, as of now or some seconds before.
func (c *churn) put(q question) question {
	before := c.source.Status()
	q.at = time.Now().Add(-time.Duration(max(0, rand.NormFloat64()*float64(5*time.Second))))
	if q.at.Before(c.since) {
		q.at = c.since
	}
	q.told = remote(c.source, q.ip, 80, q.at)
	after := c.source.Status()
	q.lost, q.heard = after.Lost, after.Pods.Heard
	if !before.Lost.IsZero() {
		q.lost = before.Lost
	}
	return q
}

// A verdict is what an answer is.
type verdict int

const (
	wrong verdict = iota
	right
	lastKnown
	unknown
	between // unknown, and nobody had it
)

func (c *churn) judge(q *question) verdict {
	if q.stays != nil {
		if q.told == q.stays.Name {
			return right
		}
		return wrong // it is always known
	}
	has := func(p *pod) bool { return p.Name == q.told }
	holders, sure := c.register.Holders(q.ip, q.at)
	switch {
	case q.told == "unknown" || q.told == "stranger":
		if sure {
			return unknown
		}
		return between
	case slices.ContainsFunc(holders, has):
		return right
	case !q.lost.IsZero() && !q.at.Before(q.lost):
		if slices.ContainsFunc(c.register.Within(q.ip, q.lost, q.heard), has) {
			return lastKnown
		}
	}
	return wrong
}

// certain returns who has to be told when all is known: whoever had its address since its
// containers' second and until the one of its deletion, unless that is not known of it: it
// may have ended by itself, or nobody was told of its beginning or its end, which is so in
// a gap that a list ended.
func (c *churn) certain(q *question) *pod {
	holders, sure := c.register.Holders(q.ip, q.at) // nobody, of one that stays: judge knows
	if !sure || holders[0].Once || kubernetes.InGap(c.source, q.at) {
		return nil
	}
	l := c.lives[holders[0]]
	if l == nil || l.unseen || q.at.Before(l.told.Add(time.Second)) || !q.at.Before(l.end.Add(-time.Second)) {
		return nil
	}
	return holders[0]
}

// A tally counts answers.
type tally struct{ Right, LastKnown, Unknown, Between, Certain int }

func (y *tally) count(t *testing.T, v verdict, q *question) {
	t.Helper()
	switch v {
	case right:
		y.Right++
	case lastKnown:
		y.LastKnown++
	case unknown:
		y.Unknown++
	case between:
		y.Between++
	case wrong:
		t.Fatalf("asked who had %s at %s: %s (lost %s, heard %s)", q.ip, q.at, q.told, q.lost, q.heard)
	}
}
