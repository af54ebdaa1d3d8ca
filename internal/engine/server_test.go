// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/engine"
)

const notTheNetwork = "not the network: an answer takes"

// waiting lets so many of a client's connections wait for an answer.
func waiting(connections float64) func(*world, *link, uint64) {
	return func(w *world, l *link, at uint64) { w.Gauge(w.now, l.flow, at, engine.Awaiting, connections) }
}

// A server that thinks for 200 ms is no problem of the network.
func TestASlowServerIsNoProblem(t *testing.T) {
	w := newWorld(t, width)
	request, _ := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
	w.run(20)
	request.fault = waiting(10)
	w.run(12)
	assert.Empty(t, w.told)
}

// Round trips that rise while calls wait for the server are told, and that they are not
// what calls wait for; where they are, nothing is said of the server.
func TestASlowServerIsToldFromASlowNetwork(t *testing.T) {
	for name, c := range map[string]struct {
		waiting float64
		server  bool
	}{"server": {10, true}, "network": {1, false}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, width)
			request, response := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
			w.run(20)
			request.fault = waiting(c.waiting)
			request.rtt, response.rtt = .008, .008
			w.run(12)
			title := w.last(t).Problem.Title
			require.Contains(t, title, "Round trips take longer")
			if c.server {
				assert.Contains(t, title, notTheNetwork)
			} else {
				assert.NotContains(t, title, notTheNetwork)
			}
		})
	}
}

// Acknowledgements wait for a slow server's answers, up to 40 ms: the client's round trips rise alone, and vary. No
// anomaly of either leaves the network under suspicion, and there is no problem.
func TestAcknowledgementsWaitForASlowServer(t *testing.T) {
	w := newWorld(t, width)
	request, _ := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
	w.run(40)
	request.fault = waiting(10)
	request.rtt = .037
	w.run(12)
	assert.Empty(t, w.told)
	found := make(map[string]bool)
	for _, event := range w.news {
		a := event.Anomaly
		require.NotNil(t, a)
		found[a.Type] = true
		if a.Evidence == "" {
			assert.Contains(t, a.Beside, notTheNetwork, a.Type)
		} else {
			assert.Contains(t, a.Evidence, notTheNetwork, a.Type)
		}
	}
	assert.Equal(t, map[string]bool{"tcp_rtt_rise": true, "tcp_jitter_rise": true}, found)
}
