// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/engine"
)

// Round trips become longer as a server sees them, and at its client they only vary more. One confirms the other once they
// know how they vary by themselves. Before, a busy host may move both, so it takes more evidence, or that both see the same.
func TestARiseOfYoungSeries(t *testing.T) {
	adds := func(field engine.Field) func(*world, *link, uint64) {
		return func(w *world, l *link, at uint64) {
			w.Exponential(w.now, l.flow, at, field, 2, -24, []uint64{200}) // 16 ms
		}
	}
	for name, test := range map[string]struct {
		windows int
		client  engine.Field
		waits   bool
	}{
		"young":                       {15, engine.Variation, true},
		"young, and both ends see it": {15, engine.RTT, false},
		"old":                         {300, engine.Variation, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, width)
			request, response := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
			w.run(test.windows)
			assert.Zero(t, w.Sizes().Anomalies)
			request.fault, response.fault = adds(test.client), adds(engine.RTT)
			w.run(8)
			assert.Equal(t, 2, w.Sizes().Anomalies)
			assert.Equal(t, test.waits, w.Sizes().Problems == 0)
			w.run(32) // an anomaly is looked at anew after five minutes
			assert.Equal(t, 1, w.Sizes().Problems)
		})
	}
}
