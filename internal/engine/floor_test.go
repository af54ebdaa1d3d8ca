// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/engine"
)

// waits adds round trips to a link's 50 that wait for an acknowledgement that the peer delays.
func waits(w *world, l *link, at uint64) {
	w.Explicit(w.now, l.flow, at, engine.RTT, []float64{1. / 32, 1. / 16}, []uint64{0, 35, 0})
}

// usuallyWaiting has so many pods of a client and a server talk for a while, with some round trips that wait. It
// returns the links of one pod of the server.
func usuallyWaiting(t *testing.T, w *world, pods int) (ofOne []*link) {
	t.Helper()
	for server := range pods {
		for client := range pods {
			request, response := w.talk(pod("client", client, client), pod("server", server, server+3))
			request.fault, response.fault = waits, waits
			if server == 0 {
				ofOne = append(ofOne, request, response)
			}
		}
	}
	w.run(60)
	assert.Empty(t, w.told)
	return ofOne
}

// assertSlowPod wants that pod of the server to be told last.
func assertSlowPod(t *testing.T, w *world) {
	t.Helper()
	p := w.last(t).Problem
	assert.Equal(t, "tcp_rtt_rise", p.Type)
	assert.Equal(t, "pod shop/server-0", p.Root.Place.String())
}

func TestALongerWayIsToldByShortRoundTrips(t *testing.T) {
	w := newWorld(t, width)
	slow := usuallyWaiting(t, w, 3)
	for _, l := range slow {
		l.rtt = .02
	}
	w.run(12)
	assertSlowPod(t, w)
	assert.Equal(t, 1, w.Sizes().Problems)
}

// TestALongerWayNeedsNoDetector delays a pod of a server when the detectors of round trips know too little
// to judge. One end that waits is no way.
func TestALongerWayNeedsNoDetector(t *testing.T) {
	for name, both := range map[string]bool{"both ends": true, "one end": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, width)
			var slow []*link
			for server := range 2 {
				for client := range 2 {
					request, response := w.talk(pod("client", client, client), pod("server", server, server+3))
					if slow = append(slow, request); both {
						slow = append(slow, response)
					}
				}
			}
			w.run(9)
			for _, l := range slow[:len(slow)/2] {
				l.rtt = .03
			}
			w.run(4)
			if both {
				assert.Equal(t, []string{"open tcp_rtt_rise pod shop/server-0"}, w.told)
			} else {
				assert.Empty(t, w.told)
			}
		})
	}
}

// TestWhatUsuallyWaitsIsNotSlow beside a pod of a server of whose round trips most take longer, and the shorter ones do not.
func TestWhatUsuallyWaitsIsNotSlow(t *testing.T) {
	w := newWorld(t, width)
	slow := usuallyWaiting(t, w, 2)
	for _, l := range slow {
		l.fault = func(w *world, l *link, at uint64) {
			w.Explicit(w.now, l.flow, at, engine.RTT, []float64{.5, 1}, []uint64{0, 90, 0})
		}
	}
	w.run(12)
	assertSlowPod(t, w)
}
