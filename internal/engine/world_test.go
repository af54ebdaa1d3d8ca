// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/engine"
	"github.com/tcpwhy/tcpwhy/internal/localize"
)

// A world is services that talk, as agents on their nodes tell it, in simulated time.
type world struct {
	*engine.Engine
	now    time.Time
	width  time.Duration
	random *rand.Rand
	links  []*link
	told   []string // news of problems
	news   []engine.Event
}

// A link is one direction of the connections between a pod of a client and one of a server.
type link struct {
	flow     *engine.Flow
	segments float64 // a window
	loss     float64 // share of segments
	rtt      float64 // seconds, the median
	mute     bool    // nothing is answered
	fault    func(w *world, l *link, at uint64)
}

func newWorld(t testing.TB, width time.Duration) *world {
	e, err := engine.New(engine.Settings{Width: width, Tracks: 20_000, FalseADay: 1})
	require.NoError(t, err)
	return &world{Engine: e, width: width, now: time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC), random: rand.New(rand.NewPCG(1, 2))}
}

// pod is the n-th pod of a service, on a node.
func pod(service string, n, node int) localize.End {
	return localize.End{
		Workload: localize.Name{Namespace: "shop", Kind: "Deployment", Name: service},
		Pod:      localize.Name{Namespace: "shop", Name: fmt.Sprintf("%s-%d", service, n)},
		Node:     fmt.Sprintf("node-%d", node), Zone: fmt.Sprintf("zone-%d", node%2),
	}
}

// talk lets a client send to a server and back.
func (w *world) talk(client, server localize.End) (request, response *link) {
	server.Port = 8080
	return w.connect(client, server)
}

// connect is talk to the server's own port.
func (w *world) connect(client, server localize.End) (request, response *link) {
	link := func(from, to localize.End, role engine.Role) *link {
		agent := uint64(from.Node[len(from.Node)-1])
		l := &link{segments: 5000, loss: 1e-4, rtt: .001, flow: w.Flow(engine.Spec{Agent: agent, Role: role, Source: from, Destination: to})}
		w.links = append(w.links, l)
		return l
	}
	return link(client, server, engine.Client), link(server, client, engine.Server)
}

// run lets windows pass.
func (w *world) run(windows int) {
	for range windows {
		w.now = w.now.Add(w.width)
		at := uint64(w.now.Add(-w.width / 10).UnixNano())
		for _, l := range w.links {
			w.tell(l, at)
		}
		w.judge()
	}
}

// judge takes what the engine says a while after the agents.
func (w *world) judge() {
	for _, event := range w.Evaluate(w.now.Add(w.width / 2)) {
		w.news = append(w.news, event)
		if p := event.Problem; p != nil {
			w.told = append(w.told, fmt.Sprintf("%s %s %s", p.State, p.Problem.Type, p.Problem.Root.Place))
		}
	}
}

// tell tells what a link did in a window.
func (w *world) tell(l *link, at uint64) {
	n := l.segments * (.9 + .2*w.random.Float64())
	w.Sum(w.now, l.flow, at, engine.DataSegments, n)
	w.Sum(w.now, l.flow, at, engine.Sent, 1000*n)
	if !l.mute {
		w.Sum(w.now, l.flow, at, engine.Exchanges, n/10)
	}
	lost := w.poisson(n * l.loss)
	w.Sum(w.now, l.flow, at, engine.Episodes, lost)
	w.Sum(w.now, l.flow, at, engine.RetransmitFast, lost)
	w.Sum(w.now, l.flow, at, engine.TimeIdle, .8*w.width.Seconds())
	w.Sum(w.now, l.flow, at, engine.TimeNetworkLimited, .2*w.width.Seconds())
	w.Gauge(w.now, l.flow, at, engine.MinRTT, l.rtt/2)
	w.Gauge(w.now, l.flow, at, engine.Established, 1)
	if l.segments > 0 {
		w.spread(l, at, engine.RTT, l.rtt)
		w.spread(l, at, engine.Variation, l.rtt/4)
	}
	if l.fault != nil {
		l.fault(w, l, at)
	}
}

// spread tells values about a median.
func (w *world) spread(l *link, at uint64, field engine.Field, median float64) {
	var counts [8]uint64
	for range 50 {
		counts[min(7, int(2*math.Abs(w.random.NormFloat64())))]++
	}
	w.Exponential(w.now, l.flow, at, field, 2, int(4*math.Log2(median)), counts[:])
}

// poisson draws a count, near enough.
func (w *world) poisson(mean float64) float64 {
	limit, n, p := math.Exp(-min(mean, 500)), 0., w.random.Float64()
	for p > limit {
		n++
		p *= w.random.Float64()
	}
	return n
}
