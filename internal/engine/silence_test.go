// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/engine"
	"github.com/tcpwhy/tcpwhy/internal/problem"
)

const noAnswer = "not the network: for"

// tellsNoAnswer tells whether any news of an anomaly or of a problem say that no answer comes.
func (w *world) tellsNoAnswer() bool {
	for _, event := range w.news {
		if event.Anomaly != nil && strings.Contains(event.Anomaly.Evidence, noAnswer) ||
			event.Problem != nil && strings.Contains(event.Problem.Problem.Title, noAnswer) {
			return true
		}
	}
	return false
}

// hang lets the server take requests and answer none: its kernel acknowledges them alone, so late.
func hang(request, response *link) {
	request.mute, response.mute = true, true
	request.fault, request.rtt, response.segments = waiting(4), .04, 0
}

// A server that hangs is told to be what calls wait for, and is no problem of the network.
func TestAHungServerIsNotTheNetwork(t *testing.T) {
	w := newWorld(t, width)
	request, response := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
	w.run(40)
	hang(request, response)
	w.run(12)
	assert.True(t, w.tellsNoAnswer())
	assert.Empty(t, w.told)
}

// Where round trips have risen besides, the problem says what calls wait for.
func TestAHungServerBehindASlowNetwork(t *testing.T) {
	w := newWorld(t, width)
	request, response := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
	w.run(20)
	request.mute, response.mute = true, true
	request.fault, request.rtt, response.rtt = waiting(4), .008, .008
	w.run(12)
	title := w.last(t).Problem.Title
	require.Contains(t, title, "Round trips take longer")
	assert.Contains(t, title, noAnswer)
}

// Beside another trouble of the pair it is said, too: what is lost is not what calls wait for.
func TestAHungServerBesideALoss(t *testing.T) {
	w := newWorld(t, width)
	request, response := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
	w.run(20)
	request.loss = .03
	w.run(6)
	require.Contains(t, w.last(t).Problem.Title, "TCP retransmissions rose")
	require.False(t, w.tellsNoAnswer())
	request.mute, response.mute, request.fault = true, true, waiting(4)
	w.run(3)
	assert.True(t, w.tellsNoAnswer())
	request.loss = 1e-4
	w.run(12)
	assert.Equal(t, problem.Close, w.last(t).State)
	assert.Contains(t, w.last(t).Problem.Title, noAnswer)
}

// It takes three windows without an answer to say so, once round trips are found to have risen.
func TestAHungServerTakesThreeWindows(t *testing.T) {
	w := newWorld(t, width)
	request, response := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
	w.run(20)
	request.rtt, response.rtt = .008, .008
	w.run(12)
	require.Contains(t, w.last(t).Problem.Title, "Round trips take longer")
	request.mute, response.mute, request.fault = true, true, waiting(4)
	windows := 0
	for ; windows < 10 && !w.tellsNoAnswer(); windows++ {
		w.run(1)
	}
	assert.Equal(t, 3, windows)
}

// Who waits for news on purpose, gives up or has nothing to ask says nothing of a server, though the path is slow.
func TestWaitingOnPurposeIsNoHungServer(t *testing.T) {
	every := func(windows int, of func(*link) bool) func(*world, *link, uint64) {
		n := 0
		return func(w *world, l *link, at uint64) {
			if n++; n%windows == 0 && of(l) {
				w.Sum(w.now, l.flow, at, engine.Exchanges, 4)
			}
			w.Gauge(w.now, l.flow, at, engine.Awaiting, 4)
		}
	}
	always, never := func(*link) bool { return true }, func(*link) bool { return false }
	for name, fault := range map[string]func(*world, *link, uint64){
		"a subscription that has no news": every(1, never),
		"a long poll each 40 s":           every(4, always),
		"nobody asks":                     waiting(0),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, width)
			request, response := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
			request.mute, response.mute, request.fault = true, true, fault
			w.run(20)
			assert.Empty(t, w.told)
			request.rtt, response.rtt = .008, .008
			w.run(12)
			require.Contains(t, w.last(t).Problem.Title, "Round trips take longer")
			assert.False(t, w.tellsNoAnswer(), w.last(t).Problem.Title)
		})
	}
}

// Answers that are lost on the way, and requests that wait for room, are no hung server's.
func TestWhatWaitsOnTheWayIsNoHungServer(t *testing.T) {
	for name, fault := range map[string]struct{ client, server engine.Field }{
		"answers are sent again":  {server: engine.RetransmitTimeout},
		"answers wait":            {server: engine.SendQueue},
		"requests are sent again": {client: engine.RetransmitTimeout},
		"requests wait":           {client: engine.SendQueue},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, width)
			request, response := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
			w.run(40)
			hang(request, response)
			add := func(field engine.Field, more func(*world, *link, uint64)) func(*world, *link, uint64) {
				return func(w *world, l *link, at uint64) {
					switch {
					case field.Gauge():
						w.Gauge(w.now, l.flow, at, field, 3000)
					case field != engine.None:
						w.Sum(w.now, l.flow, at, field, 2)
					}
					if more != nil {
						more(w, l, at)
					}
				}
			}
			request.fault, response.fault = add(fault.client, waiting(4)), add(fault.server, nil)
			w.run(40)
			assert.False(t, w.tellsNoAnswer())
		})
	}
}

// What has been a hung server once makes the next one take three minutes, and does not hide it.
func TestAHungServerIsNotLearned(t *testing.T) {
	w := newWorld(t, width)
	request, response := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
	segments, rtt := response.segments, request.rtt
	for again := range 2 {
		request.mute, response.mute, request.fault, request.rtt, response.segments = false, false, nil, rtt, segments
		w.run(40)
		w.news = nil
		hang(request, response)
		w.run(12)
		assert.Equal(t, again == 0, w.tellsNoAnswer())
		w.run(28)
		assert.True(t, w.tellsNoAnswer())
	}
}

// A server that hangs sends nothing, so nothing says that its round trips are as long as they were: they waited for
// a client that acknowledged late, and the client's wait for the server now. No way is longer.
func TestAHungServerIsNoLongerWay(t *testing.T) {
	w := newWorld(t, width/2)
	request, response := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
	answers := func(counts ...uint64) func(*world, *link, uint64) {
		return func(w *world, l *link, at uint64) {
			w.Explicit(w.now, l.flow, at, engine.RTT, []float64{1. / 1024, 1. / 32, 1. / 16}, counts)
		}
	}
	response.fault = answers(300, 0, 0, 0)
	w.run(9) // too few for the detectors
	response.fault = answers(0, 0, 300, 0)
	w.run(4)
	hang(request, response)
	response.fault = nil
	w.run(6)
	assert.Empty(t, w.told)
}
