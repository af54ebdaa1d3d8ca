// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/engine"
)

// TestLostAnswersRepeatHandshakes where a server's segments are lost, which those to it are hardly any of.
func TestLostAnswersRepeatHandshakes(t *testing.T) {
	for syns, told := range map[float64][]string{
		8:  {"open tcp_retransmit_rise pair shop/service-d → shop/service-q"},
		80: {"open tcp_syn_retransmit pair shop/service-q → shop/service-d", "open tcp_retransmit_rise pair shop/service-d → shop/service-q"},
	} {
		w := newWorld(t, width)
		request, response := w.talk(pod("service-q", 1, 1), pod("service-d", 1, 2))
		w.talk(pod("service-b", 1, 2), pod("service-d", 1, 2))
		request.segments, response.segments = 100, 1000
		opened := sums(engine.Opened, 100)
		request.fault = opened
		w.run(60)
		response.loss = .03
		request.fault = all(opened, sums(engine.RetransmitSYN, syns))
		w.run(12)
		assert.ElementsMatch(t, told, w.told)
	}
}

// TestWhatIsLateWaits where a queue fills and drops some of it. Long round trips are too few at first for a rise.
func TestWhatIsLateWaits(t *testing.T) {
	w := newWorld(t, width)
	request, response := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
	w.talk(pod("service-b", 1, 2), pod("service-k", 1, 2))
	w.run(60)
	request.loss = .05
	request.fault = func(w *world, l *link, at uint64) {
		w.Explicit(w.now, l.flow, at, engine.RTT, []float64{.5, 1}, []uint64{0, 8, 0})
	}
	w.run(3)
	request.rtt, response.rtt = .9, .9
	w.run(6)
	assert.Equal(t, []string{"open tcp_rtt_rise pair shop/service-j ↔ shop/service-k"}, w.told)
}

// TestWhoWaitsSeesNoRoundTrips of what two clients see to take longer: nothing of what the server's pod sends is
// acknowledged any more. Its other pod's round trips say nothing of it.
func TestWhoWaitsSeesNoRoundTrips(t *testing.T) {
	w := newWorld(t, width)
	var requests, responses []*link
	for i, client := range []string{"service-a", "service-h"} {
		for server := range 2 {
			request, response := w.talk(pod(client, 0, i), pod("service-c", server, 2+server))
			if server == 0 {
				requests, responses = append(requests, request), append(responses, response)
			}
		}
	}
	w.run(60)
	for i := range requests {
		requests[i].rtt = .8
		responses[i].segments = 0
		responses[i].fault = func(w *world, l *link, at uint64) {
			sums(engine.TimeNetworkLimited, 4*w.width.Seconds())(w, l, at)
			sums(engine.RetransmitTimeout, 1)(w, l, at)
			w.Gauge(w.now, l.flow, at, engine.SendQueue, 200_000)
		}
	}
	w.run(10)
	assert.Equal(t, []string{"open tcp_rtt_rise pod shop/service-c-0"}, w.told)
}

// all lets several things be wrong at once.
func all(faults ...func(*world, *link, uint64)) func(*world, *link, uint64) {
	return func(w *world, l *link, at uint64) {
		for _, fault := range faults {
			fault(w, l, at)
		}
	}
}
