// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/engine"
)

// TestAPodIsNamed breaks one pod of a server that has three, then all of them. Its three clients'
// pods are on as many nodes, so the pod is all that the bad ones have in common. Then it is what an
// end does by itself, or the path between the two, for others reach the server well.
func TestAPodIsNamed(t *testing.T) {
	for kind, brk := range map[string]func(request, response *link){
		"tcp_retransmit_rise": func(request, response *link) { request.loss, response.loss = .03, .03 },
		"tcp_rtt_rise":        func(request, response *link) { request.rtt, response.rtt = .02, .02 },
		"tcp_connect_refused": func(request, _ *link) { request.fault = sums(engine.FailedRefused, 5) },
		"tcp_reset_storm": func(request, _ *link) {
			request.fault = func(w *world, l *link, at uint64) {
				sums(engine.ClosedFIN, 2)(w, l, at)
				sums(engine.ClosedResetReceived, 20)(w, l, at)
			}
		},
	} {
		t.Run(kind, func(t *testing.T) {
			whole := "workload shop/server"
			if kind == "tcp_retransmit_rise" || kind == "tcp_rtt_rise" {
				whole = "pair shop/client ↔ shop/server"
			}
			for place, pods := range map[string]int{"pod shop/server-0": 1, whole: 3} {
				w := newWorld(t, width)
				var broken, after []*link
				for server := range 3 {
					for client := range 3 {
						request, response := w.talk(pod("client", client, client), pod("server", server, server+3))
						request.fault = sums(engine.ClosedFIN, 22)
						if server < pods {
							broken, after = append(broken, request), append(after, response)
						}
					}
					w.talk(pod("other", 0, 7), pod("server", server, server+3))
				}
				w.run(60)
				assert.Empty(t, w.told)
				for i := range broken {
					brk(broken[i], after[i])
				}
				w.run(12)
				p := w.last(t).Problem
				assert.Equal(t, kind, p.Type)
				assert.Equal(t, place, p.Root.Place.String())
				assert.Equal(t, 1, w.Sizes().Problems)
			}
		})
	}
}

// sums adds to a sum in each window.
func sums(field engine.Field, growth float64) func(w *world, l *link, at uint64) {
	return func(w *world, l *link, at uint64) { w.Sum(w.now, l.flow, at, field, growth) }
}

// TestASlowPodIsFollowedByAnother is one anomaly of the pair, as long as one of its pods is slow.
func TestASlowPodIsFollowedByAnother(t *testing.T) {
	w := newWorld(t, width)
	links := make([][]*link, 3)
	for server := range 3 {
		for client := range 3 {
			request, response := w.talk(pod("client", client, client), pod("server", server, 3))
			links[server] = append(links[server], request, response)
		}
	}
	slow := func(server int, rtt float64) {
		for _, l := range links[server] {
			l.rtt = rtt
		}
	}
	w.run(60)
	slow(0, .02)
	w.run(12)
	require.Equal(t, "pod shop/server-0", w.last(t).Problem.Root.Place.String())
	anomalies := w.Sizes().Anomalies
	slow(1, .02)
	w.run(12)
	slow(0, .001)
	w.run(30)
	assert.Equal(t, "pod shop/server-1", w.last(t).Problem.Root.Place.String())
	assert.Equal(t, anomalies, w.Sizes().Anomalies)
	slow(1, .001)
	w.run(40)
	assert.Zero(t, w.Sizes().Anomalies)
	assert.Zero(t, w.Sizes().Problems)
}

// TestWhatAPodSendsForNothingIsNotLost where another pod of the same workload loses segments.
func TestWhatAPodSendsForNothingIsNotLost(t *testing.T) {
	w := newWorld(t, width)
	var lossy, hasty []*link
	for server := range 2 {
		for client := range 2 {
			request, response := w.talk(pod("client", client, client), pod("server", server, server+3))
			if server == 0 {
				lossy = append(lossy, request, response)
			} else {
				hasty = append(hasty, request, response)
			}
		}
	}
	w.run(60)
	require.Empty(t, w.told)
	for i := range lossy {
		lossy[i].loss, hasty[i].loss = .01, 0
		hasty[i].fault = needless(engine.RetransmitProbe, .01)
	}
	w.run(6)
	require.NotEmpty(t, w.told)
	assert.Equal(t, "open tcp_retransmit_rise pod shop/server-0", w.told[0])
}
