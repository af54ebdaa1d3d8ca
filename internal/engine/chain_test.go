// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/engine"
	"github.com/tcpwhy/tcpwhy/internal/localize"
)

// Who does not read because it waits for a slow reader itself is no fault of its own: back-pressure is one
// problem, of the last reader.
func TestBackPressureIsOneProblem(t *testing.T) {
	w := newWorld(t, width)
	for _, ends := range [][2]localize.End{{pod("a", 1, 1), pod("b", 1, 2)}, {pod("b", 1, 2), pod("c", 1, 3)}} {
		request, response := w.talk(ends[0], ends[1])
		request.fault = func(w *world, l *link, at uint64) {
			if w.now.Minute() >= 5 {
				sums(engine.TimeReceiveWindowLimited, .5*width.Seconds())(w, l, at)
				sums(engine.Probes, 5)(w, l, at)
				w.Gauge(w.now, l.flow, at, engine.Awaiting, 1)
			}
		}
		response.fault = func(w *world, l *link, at uint64) {
			w.Gauge(w.now, l.flow, at, engine.ReceiveBuffer, 200_000)
			if w.now.Minute() >= 5 {
				w.Gauge(w.now, l.flow, at, engine.ReceiveQueue, 200_000)
			}
		}
	}
	w.talk(pod("a", 1, 1), pod("d", 1, 3))
	w.run(42)
	assert.Equal(t, []string{"open tcp_zero_window pod shop/c-1"}, w.told)
	p := w.last(t).Problem
	assert.Equal(t, "c", p.Node.Name)
	assert.Equal(t, 2, p.Root.Bad)
}
