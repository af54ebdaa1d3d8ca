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

func TestALongerWayIsToldByShortRoundTrips(t *testing.T) {
	w := newWorld(t, width)
	var slow []*link
	for server := range 3 {
		for client := range 3 {
			request, response := w.talk(pod("client", client, client), pod("server", server, server+3))
			request.fault, response.fault = waits, waits
			if server == 0 {
				slow = append(slow, request, response)
			}
		}
	}
	w.run(60)
	assert.Empty(t, w.told)
	for _, l := range slow {
		l.rtt = .02
	}
	w.run(12)
	p := w.last(t).Problem
	assert.Equal(t, "tcp_rtt_rise", p.Type)
	assert.Equal(t, "pod shop/server-0", p.Root.Place.String())
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
	var slow []*link
	for server := range 2 {
		for client := range 2 {
			request, response := w.talk(pod("client", client, client), pod("server", server, server+3))
			request.fault, response.fault = waits, waits
			if server == 0 {
				slow = append(slow, request, response)
			}
		}
	}
	w.run(60)
	assert.Empty(t, w.told)
	for _, l := range slow {
		l.fault = func(w *world, l *link, at uint64) {
			w.Explicit(w.now, l.flow, at, engine.RTT, []float64{.5, 1}, []uint64{0, 90, 0})
		}
	}
	w.run(12)
	p := w.last(t).Problem
	assert.Equal(t, "tcp_rtt_rise", p.Type)
	assert.Equal(t, "pod shop/server-0", p.Root.Place.String())
}
