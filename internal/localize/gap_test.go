// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package localize_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/localize"
)

// 1,000 segments a tick, of which a share is lost; each end counts what passed until its
// own sweep, up to a tenth of a tick apart.
func TestGap(t *testing.T) {
	const rate, skew = 1000., .1
	for name, test := range map[string]struct {
		loss float64
		want float64 // segments in six ticks
	}{
		"nothing lost":      {0, 0},
		"a tenth lost":      {.1, 600},
		"less than it sees": {.005, 0},
	} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 1))
			var g localize.Gap
			sent, arrived := 0., 0.
			for tick := 1.; tick <= 12; tick++ {
				out := rate * (tick + skew*random.Float64())
				in := rate * (1 - test.loss) * (tick + skew*random.Float64())
				g.Add(uint64(out-sent), uint64(in-arrived))
				sent, arrived = out, in
				lost, ok := g.Lost(skew)
				assert.Equal(t, tick >= 6, ok, "tick %v", tick)
				if ok {
					assert.InDelta(t, test.want, lost, 2*skew*rate)
				}
				if test.want == 0 {
					assert.Zero(t, lost)
				}
			}
		})
	}
}

func TestMoreArrivesThanWasSent(t *testing.T) {
	var g localize.Gap
	for range 10 {
		g.Add(100, 200) // another sender's
	}
	lost, ok := g.Lost(.1)
	assert.True(t, ok)
	assert.Zero(t, lost)
}
