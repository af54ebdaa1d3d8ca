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
