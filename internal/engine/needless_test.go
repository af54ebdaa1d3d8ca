// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/engine"
)

// probes lets so many of a link's segments be sent again although they had come.
func needless(kind engine.Field, share float64) func(*world, *link, uint64) {
	return func(w *world, l *link, at uint64) {
		n := w.poisson(share * l.segments)
		for _, field := range []engine.Field{engine.Episodes, kind, engine.Spurious} {
			w.Sum(w.now, l.flow, at, field, n)
		}
	}
}

func TestABusyHostsProbesAreNoProblem(t *testing.T) {
	w := newWorld(t, width)
	request, _ := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
	w.talk(pod("service-b", 1, 2), pod("service-k", 1, 2))
	w.run(12)
	request.fault = needless(engine.RetransmitProbe, .05)
	w.run(6)
	require.Empty(t, w.told)

	request.loss = .03
	w.run(4)
	assert.Equal(t, []string{"open tcp_retransmit_rise pair shop/service-j → shop/service-k"}, w.told)
}

// A queue on the way holds segments for longer than a sender waits: what it sends again for nothing
// is seen first, and is a symptom.
func TestALongQueueMakesNeedlessSegments(t *testing.T) {
	w := newWorld(t, width)
	request, response := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
	w.talk(pod("service-b", 1, 2), pod("service-k", 1, 2))
	w.run(60)
	request.rtt, response.rtt = .4, .4
	request.fault = needless(engine.RetransmitTimeout, .02)
	w.run(8)
	assert.Equal(t, []string{"open tcp_rtt_rise pair shop/service-j ↔ shop/service-k"}, w.told)
}

func TestManyNeedlessSegmentsAreAProblem(t *testing.T) {
	w := newWorld(t, width)
	request, _ := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
	w.run(12)
	request.fault = needless(engine.RetransmitFast, .02)
	w.run(4)
	assert.Equal(t, []string{"open tcp_spurious_retransmit pair shop/service-j → shop/service-k"}, w.told)
}

// Behind a queue that holds them for a second SYNs are sent again, too, and what does not fit in is lost. Where
// round trips are short it is they that are lost.
func TestALongQueueRepeatsHandshakes(t *testing.T) {
	for rtt, told := range map[float64]string{
		.9:   "open tcp_rtt_rise pair shop/service-j ↔ shop/service-k",
		.001: "open tcp_syn_retransmit pair shop/service-j → shop/service-k",
	} {
		w := newWorld(t, width)
		request, response := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
		w.talk(pod("service-b", 1, 2), pod("service-k", 1, 2))
		opened := sums(engine.Opened, 10)
		request.fault = opened
		w.run(60)
		request.rtt, response.rtt = rtt, rtt
		request.fault = func(w *world, l *link, at uint64) {
			opened(w, l, at)
			sums(engine.RetransmitSYN, 10)(w, l, at)
		}
		w.run(10)
		assert.Equal(t, []string{told}, w.told)
	}
}

func TestALongQueueThatOverflowsIsNoLossyPath(t *testing.T) {
	w := newWorld(t, width)
	request, response := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
	w.talk(pod("service-b", 1, 2), pod("service-k", 1, 2))
	w.run(60)
	request.rtt, response.rtt = .9, .9
	request.loss = .01
	response.fault = sums(engine.OutOfOrder, 50)
	w.run(10)
	assert.Equal(t, []string{"open tcp_rtt_rise pair shop/service-j ↔ shop/service-k"}, w.told)
}

// TestShortConnectionsHearOfFewNeedlessSegments of those that have overtaken each other: of most nobody hears that none is lost.
func TestShortConnectionsHearOfFewNeedlessSegments(t *testing.T) {
	for spurious, told := range map[float64]string{
		2: "open tcp_reordering pair shop/service-d → shop/service-q",
		0: "open tcp_retransmit_rise pair shop/service-d → shop/service-q",
	} {
		w := newWorld(t, width)
		request, response := w.talk(pod("service-q", 1, 1), pod("service-d", 1, 2))
		request.segments, response.segments = 30, 200
		response.fault = sums(engine.ClosedFIN, 30)
		w.run(60)
		request.fault = sums(engine.OutOfOrder, 20)
		response.fault = all(sums(engine.ClosedFIN, 30), sums(engine.Episodes, 8), sums(engine.RetransmitFast, 10), sums(engine.Spurious, spurious))
		w.run(10)
		assert.Equal(t, []string{told}, w.told)
	}
}
