// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A way that is longer is so for both ends. Who alone waits longer waits for answers.
func TestARiseThatOneEndSees(t *testing.T) {
	for name, test := range map[string]struct {
		client, server float64
		problems       int
	}{
		"both":           {.02, .02, 1},
		"client alone":   {.02, .001, 0},
		"nothing at all": {.001, .001, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, width)
			request, response := w.talk(pod("client", 0, 0), pod("server", 0, 1))
			w.run(60)
			request.rtt, response.rtt = test.client, test.server
			w.run(24)
			assert.Equal(t, test.problems, w.Sizes().Problems)
			if test.client > .001 {
				assert.NotZero(t, w.Sizes().Anomalies, "it is told of all the same")
			}
		})
	}
}
