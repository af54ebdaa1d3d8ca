// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/engine"
)

// A call is what two pods say to each other.
type call struct{ request, response *link }

// deployed lets three clients' pods call each of three servers' pods, and returns the calls by server.
func (w *world) deployed() (calls [3][]call) {
	for server := range calls {
		for client := range 3 {
			request, response := w.talk(pod("client", client, client), pod("server", server, server+3))
			calls[server] = append(calls[server], call{request, response})
		}
	}
	return calls
}

// noAnswerOf are the pods, "" for all of them, of which news say that no answer comes.
func (w *world) noAnswerOf() map[string]bool {
	of := make(map[string]bool)
	for _, event := range w.news {
		said := ""
		if event.Anomaly != nil {
			said = event.Anomaly.Evidence
		} else {
			said = event.Problem.Problem.Title
		}
		if _, after, ok := strings.Cut(said, "What calls"); ok && strings.Contains(after, noAnswer) {
			who, _, _ := strings.Cut(after, " wait for is")
			of[strings.TrimPrefix(who, " to ")] = true
		}
	}
	return of
}

// One pod that hangs beside two that answer is named, as are two; if all three hang, none is. None is a problem
// of the network.
func TestAHungPodIsNamed(t *testing.T) {
	for who, pods := range map[string]int{"server-0": 1, "server-0, server-1": 2, "": 3} {
		t.Run(who, func(t *testing.T) {
			w := newWorld(t, width)
			calls := w.deployed()
			w.run(60)
			for _, c := range calls[:pods] {
				for _, call := range c {
					hang(call.request, call.response)
				}
			}
			w.run(12)
			assert.Equal(t, map[string]bool{who: true}, w.noAnswerOf())
			assert.Empty(t, w.told)
		})
	}
}

// It is told of once, and once more when another one hangs, too.
func TestAHungPodIsToldOfOnce(t *testing.T) {
	w := newWorld(t, width)
	calls := w.deployed()
	w.run(60)
	told := func() int {
		n := 0
		for _, event := range w.news {
			if event.Anomaly != nil && strings.Contains(event.Anomaly.Evidence, noAnswer) {
				n++
			}
		}
		w.news = nil
		return n
	}
	for _, pod := range []int{0, 1} {
		for _, c := range calls[pod] {
			hang(c.request, c.response)
		}
		w.run(12)
		require.Positive(t, told())
		w.run(10)
		require.Zero(t, told())
	}
}

// A pod that answers one of its clients does not hang; nor does one that has always answered now and then only, one
// of which nobody says what it has sent, or one that is asked nothing. The path is slow, so news would tell.
func TestAPodThatAnswersDoesNotHang(t *testing.T) {
	for name, fault := range map[string]struct {
		before, then func(w *world, c []call)
	}{
		"it answers another": {then: func(_ *world, c []call) {
			for _, c := range c[1:] {
				hang(c.request, c.response)
			}
		}},
		"a job that waits for minutes each time": {
			before: func(_ *world, c []call) {
				for _, c := range c {
					n := 0
					c.request.mute, c.response.mute = true, true
					c.request.fault = func(w *world, l *link, at uint64) {
						if n++; n%20 == 0 {
							sums(engine.Exchanges, 1)(w, l, at)
						} else {
							waiting(1)(w, l, at)
						}
					}
				}
			},
			then: func(*world, []call) {},
		},
		"nobody observes it": {then: func(w *world, c []call) {
			for _, c := range c {
				hang(c.request, c.response)
				w.links = slices.DeleteFunc(w.links, func(l *link) bool { return l == c.response })
			}
		}},
		"it is asked nothing": {then: func(_ *world, c []call) {
			for _, c := range c {
				hang(c.request, c.response)
				c.request.fault = waiting(0)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, width)
			calls := w.deployed()
			if fault.before != nil {
				fault.before(w, calls[0])
			}
			w.run(160)
			require.Empty(t, w.told)
			for _, c := range calls[1:] {
				for _, call := range c {
					call.request.rtt, call.response.rtt = .008, .008
				}
			}
			fault.then(w, calls[0])
			w.run(30)
			require.Contains(t, w.last(t).Problem.Title, "Round trips take longer")
			assert.Empty(t, w.noAnswerOf())
		})
	}
}
