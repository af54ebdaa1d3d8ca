// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The talk's own case, in a shop that has been watched for two minutes: one problem, in time at 5 and at 10 s, in each
// of many worlds, from 500 data segments a window on.
func TestLossAfterTwoMinutes(t *testing.T) {
	for _, width := range []time.Duration{5 * time.Second, 10 * time.Second} {
		for _, segments := range []float64{500, 5000} {
			t.Run(fmt.Sprintf("%v, %v segments", width, segments), func(t *testing.T) {
				for seed := range uint64(50) {
					w := newWorld(t, width)
					w.random = rand.New(rand.NewPCG(seed, 3))
					request, response := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
					w.talk(pod("service-a", 1, 1), pod("service-j", 1, 1))
					request.segments, response.segments = segments*1.1, segments*1.1 // a window has 10 % less at times
					w.run(int(2 * time.Minute / width))
					require.Empty(t, w.told, "seed %d", seed)
					injected := w.now
					request.loss = .03
					w.run(6)
					require.NotEmpty(t, w.told, "seed %d", seed)
					assert.Equal(t, "open tcp_retransmit_rise pair shop/service-j → shop/service-k", w.told[0], "seed %d", seed)
					assert.Equal(t, 1, w.Sizes().Problems, "seed %d", seed)
					assert.LessOrEqual(t, w.last(t).Problem.Detected.Sub(injected), 4*width+5*time.Second, "seed %d", seed)
				}
			})
		}
	}
}
