// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/engine"
)

// TestOnePodsOwnTrouble sets the receive buffer of one pod of three. Who sends to all of them
// waits a twentieth of its time, which is nothing, and a seventh of that with this pod.
func TestOnePodsOwnTrouble(t *testing.T) {
	for name, test := range map[string]struct {
		waits float64 // share of the time that a connection with the pod waits for its window
		want  []string
	}{
		"small buffer":       {.17, []string{"open tcp_receive_buffer_locked pod shop/server-0"}},
		"buffer that is met": {.06, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, width)
			var requests, responses []*link
			for server := range 3 {
				for client := range 2 {
					request, response := w.talk(pod("client", client, client), pod("server", server, server+2))
					if server == 0 {
						requests, responses = append(requests, request), append(responses, response)
					}
				}
			}
			w.run(60)
			require.Empty(t, w.told)
			for i := range requests {
				requests[i].fault = sums(engine.TimeReceiveWindowLimited, test.waits*width.Seconds())
				responses[i].fault = func(w *world, l *link, at uint64) {
					w.Gauge(w.now, l.flow, at, engine.ReceiveBuffer, 8192)
					w.Gauge(w.now, l.flow, at, engine.LockedReceiveBuffer, 8192)
				}
			}
			w.run(8)
			assert.Equal(t, test.want, w.told)
			for i := range requests {
				requests[i].fault = nil
			}
			w.run(30)
			assert.Zero(t, w.Sizes().Anomalies)
			assert.Zero(t, w.Sizes().Problems)
		})
	}
}

// TestOnePodThatIsCutOff lets nothing through to and from one pod of three; a single pair of pods of which
// one direction is stuck is no reason to speak.
func TestOnePodThatIsCutOff(t *testing.T) {
	for name, test := range map[string]struct {
		clients int // so many of them are stuck with the pod
		both    bool
		want    []string
	}{
		"all":             {2, true, []string{"open tcp_retransmit_rise pod shop/server-0"}},
		"one, in one way": {1, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, width)
			var stuck []*link
			for server := range 3 {
				for client := range 2 {
					request, response := w.talk(pod("client", client, client), pod("server", server, 2+server/2))
					if server == 0 && client < test.clients {
						stuck = append(stuck, request)
						if test.both {
							stuck = append(stuck, response)
						}
					}
				}
			}
			w.run(60)
			require.Empty(t, w.told)
			for _, l := range stuck {
				l.segments, l.fault = 0, cutOff
			}
			w.run(8)
			assert.Equal(t, test.want, w.told)
			for _, l := range stuck {
				l.segments, l.fault = 5000, nil
			}
			w.run(30)
			assert.Zero(t, w.Sizes().Anomalies)
			assert.Zero(t, w.Sizes().Problems)
		})
	}
}

// cutOff is a connection that is sent what it sent before, again and again.
func cutOff(w *world, l *link, at uint64) {
	w.Sum(w.now, l.flow, at, engine.RetransmitTimeout, 1)
	w.Sum(w.now, l.flow, at, engine.TimeNetworkLimited, .8*w.width.Seconds())
	w.Gauge(w.now, l.flow, at, engine.SendQueue, 300)
}

// TestLargeSegmentsVanishToOnePort has two pods that talk on two ports, small requests on one of them. That
// these come through is no evidence against a path on which large ones do not.
func TestLargeSegmentsVanishToOnePort(t *testing.T) {
	w := newWorld(t, width)
	client, server := pod("client", 0, 0), pod("server", 0, 1)
	upload, _ := w.talk(client, server)
	server.Port = 8081
	download, _ := w.connect(client, server)
	download.segments = 50
	w.run(60)
	require.Empty(t, w.told)
	upload.segments, upload.fault = 0, func(w *world, l *link, at uint64) {
		w.Sum(w.now, l.flow, at, engine.RetransmitTimeout, 5)
		w.Sum(w.now, l.flow, at, engine.TimeNetworkLimited, 4.8*w.width.Seconds())
		w.Gauge(w.now, l.flow, at, engine.SendQueue, 5*30_000)
		w.Gauge(w.now, l.flow, at, engine.Established, 5)
	}
	w.run(6)
	assert.Equal(t, []string{"open tcp_pmtu_blackhole pair shop/client → shop/server"}, w.told)
}

// TestAcceptQueueOfOnePod fills the accept queue of one pod of three. Its clients cannot tell whose it is.
func TestAcceptQueueOfOnePod(t *testing.T) {
	for name, test := range map[string]struct {
		full int // of the pods
		want string
	}{
		"one": {1, "open tcp_accept_overflow pod shop/server-0"},
		"all": {3, "open tcp_accept_overflow listener shop/server:8080"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, width)
			var requests []*link
			var listeners []*engine.Flow
			for server := range 3 {
				end := pod("server", server, server+2)
				for client := range 2 {
					request, response := w.talk(pod("client", client, client), end)
					response.fault = sums(engine.Opened, 1)
					requests = append(requests, request)
				}
				end.Port = 8080
				listeners = append(listeners, w.Flow(engine.Spec{Agent: uint64(server + 2), Role: engine.Listener, Source: end}))
			}
			overflows := 0.
			requests[0].fault = func(w *world, _ *link, at uint64) {
				for i, l := range listeners {
					w.Gauge(w.now, l, at, engine.QueueLimit, 1)
					w.Sum(w.now, l, at, engine.Overflows, 0)
					if i < test.full {
						w.Sum(w.now, l, at, engine.Overflows, overflows)
					}
				}
			}
			w.run(60)
			require.Empty(t, w.told)
			overflows = 20
			for i := range 2 * test.full {
				requests[i].fault = both(requests[i].fault, sums(engine.RetransmitSYN, 4))
			}
			w.run(5)
			assert.Equal(t, []string{test.want}, w.told)
		})
	}
}

func both(first, second func(*world, *link, uint64)) func(*world, *link, uint64) {
	return func(w *world, l *link, at uint64) {
		if first != nil {
			first(w, l, at)
		}
		second(w, l, at)
	}
}

// TestASmallBufferIsOfWhoHasSetIt although so far only one of two pods has been waited for.
func TestASmallBufferIsOfWhoHasSetIt(t *testing.T) {
	for set, want := range map[int]string{1: "pod shop/server-0", 2: "workload shop/server"} {
		w := newWorld(t, width)
		for server := range 2 {
			request, response := w.talk(pod("client", 0, 0), pod("server", server, server+2))
			request.fault = func(w *world, l *link, at uint64) {
				if server == 0 && w.now.Minute() >= 5 {
					sums(engine.TimeReceiveWindowLimited, .4*width.Seconds())(w, l, at)
				}
			}
			response.fault = func(w *world, l *link, at uint64) {
				w.Gauge(w.now, l.flow, at, engine.ReceiveBuffer, 131072)
				if server < set && w.now.Minute() >= 5 {
					w.Gauge(w.now, l.flow, at, engine.LockedReceiveBuffer, 8192)
				}
			}
		}
		for windows := 0; len(w.told) == 0; windows++ {
			require.Less(t, windows, 60)
			w.run(1)
		}
		assert.Equal(t, "open tcp_receive_buffer_locked "+want, w.told[0])
	}
}

// TestSmallWritesAreThePrograms although one of two pods has nothing to write; not if it writes and does not wait.
func TestSmallWritesAreThePrograms(t *testing.T) {
	for exchanges, want := range map[float64]string{0: "workload shop/client", 100: "pod shop/client-0"} {
		w := newWorld(t, width)
		first, _ := w.talk(pod("client", 0, 0), pod("server", 0, 2))
		second, _ := w.talk(pod("client", 1, 1), pod("server", 0, 2))
		w.run(60)
		require.Empty(t, w.told)
		first.fault = both(sums(engine.Stalls, 50), sums(engine.StallTime, .15*width.Seconds()))
		if second.mute = exchanges == 0; second.mute {
			second.segments = 0
		}
		w.run(4)
		require.NotEmpty(t, w.told)
		assert.Equal(t, "open tcp_nagle_delayed_ack "+want, w.told[0])
	}
}
