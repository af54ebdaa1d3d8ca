// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/engine"
)

// A slow world is one of which some nodes' agents tell of several windows at once, each at its own time.
type slowWorld struct {
	*world
	every map[*link]int
	count int
}

// speaks tells whether the agent of a link does in a window. Clients are on one node, servers on another one.
func speaks(window, link, every int) bool { return every <= 1 || (window+2*(link%2))%every == 0 }

func (w *slowWorld) run(windows int) {
	for range windows {
		w.now = w.now.Add(w.width)
		w.count++
		for i, l := range w.links {
			if !speaks(w.count, i, w.every[l]) {
				continue
			}
			at := uint64(w.now.Add(-w.width / 10).UnixNano())
			usual := l.segments
			l.segments *= float64(w.every[l])
			w.tell(l, at)
			l.segments = usual
		}
		w.judge()
	}
}

// An agent that tells of several windows at once says nothing of those between, neither that a fault
// is over nor that it is elsewhere.
func TestAgentsSlowerThanTheWindow(t *testing.T) {
	faults := map[string]struct {
		begin, end func(request, response *link)
		place      string
	}{
		"loss": {
			func(request, _ *link) { request.loss = .016 },
			func(request, _ *link) { request.loss = 1e-4 },
			"tcp_retransmit_rise pair shop/service-j → shop/service-k",
		},
		"round trips": {
			func(request, response *link) { request.rtt, response.rtt = .04, .04 },
			func(request, response *link) { request.rtt, response.rtt = .001, .001 },
			"tcp_rtt_rise pair shop/service-j ↔ shop/service-k",
		},
		"Nagle": {
			func(request, _ *link) { request.fault = stallsOften },
			func(request, _ *link) { request.fault = nil },
			"tcp_nagle_delayed_ack pod shop/service-j-1",
		},
	}
	for _, pace := range []struct {
		width         time.Duration
		client, other int // windows that the client's agent tells of at once, and the server's
	}{
		{10 * time.Second, 6, 6},
		{10 * time.Second, 6, 1},
		{10 * time.Second, 1, 6},
		{10 * time.Second, 2, 2},
		{10 * time.Second, 12, 12},
		{5 * time.Second, 12, 12},
		{time.Second, 60, 60},
	} {
		for name, fault := range faults {
			t.Run(fmt.Sprintf("%s/%v×%d and ×%d", name, pace.width, pace.client, pace.other), func(t *testing.T) {
				w := &slowWorld{world: newWorld(t, pace.width), every: make(map[*link]int)}
				minutes := func(n int) int { return n * int(time.Minute/pace.width) }
				for i := range 4 { // others, on the same nodes
					w.talk(pod("service-a", i, 1), pod("service-b", i, 2))
				}
				request, response := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
				for i, l := range w.links {
					l.segments = 500 * w.width.Seconds()
					w.every[l] = []int{pace.client, pace.other}[i%2]
				}
				w.run(minutes(30))
				require.Empty(t, w.told)
				fault.begin(request, response)
				w.run(minutes(20))
				lasted := len(w.told)
				fault.end(request, response)
				w.run(minutes(10))
				last := len(w.told) - 1
				require.Positive(t, last)
				assert.Contains(t, w.told[0], "open "+fault.place)
				for _, news := range w.told[1:last] {
					assert.Contains(t, news, "update "+fault.place)
				}
				assert.Contains(t, w.told[last], "close "+fault.place)
				assert.GreaterOrEqual(t, last, lasted, "closed when it had ended")
			})
		}
	}
}

// What agents say at different times is put together: one problem of the node that all has in common.
func TestSlowAgentsNameTheNode(t *testing.T) {
	w := &slowWorld{world: newWorld(t, 10*time.Second), every: make(map[*link]int)}
	for i := range 6 {
		for node := range 4 {
			w.talk(pod(fmt.Sprintf("client-%d", i), node, node), pod(fmt.Sprintf("server-%d", i), node, 4+(node+i)%4))
		}
	}
	for _, l := range w.links {
		l.segments, w.every[l] = 5000, 6
	}
	w.run(180)
	require.Empty(t, w.told)
	for i := 2; i < len(w.links); i += 8 { // what clients on node 1 send
		w.links[i].loss = .03
	}
	w.run(120)
	require.NotEmpty(t, w.told)
	assert.Equal(t, "open tcp_retransmit_rise node node-1", w.told[0])
	for _, news := range w.told[1:] {
		assert.Equal(t, "update tcp_retransmit_rise node node-1", news)
	}
}

// Half a day of a town whose agents are slow has no problem.
func TestSlowAgentsWithoutAFault(t *testing.T) {
	w := newTown(t, 10*time.Second, 24)
	w.every = 6
	for window := range 6 * 60 * 12 {
		w.live(window)
	}
	assert.Empty(t, w.told)
	for _, l := range w.links { // no burst that lasts
		l.loss = 1e-4
	}
	w.pairs[1].links[0].loss = .03 // and a fault is seen
	for range 30 {
		w.runSome(10)
	}
	assert.Len(t, w.told, 1)
}

// stallsOften lets most writes wait for the peer's delayed ACK.
func stallsOften(w *world, l *link, at uint64) {
	stalls := l.segments / 20
	w.Sum(w.now, l.flow, at, engine.Stalls, stalls)
	w.Sum(w.now, l.flow, at, engine.StallTime, .04*stalls)
}
