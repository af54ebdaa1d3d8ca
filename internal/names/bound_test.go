// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRTTBounds(t *testing.T) {
	bounds := RTTBounds()
	assert.Len(t, bounds, 24)
	assert.InDelta(t, 0.00000762939453125, bounds[0], 0)
	assert.Contains(t, bounds, 0.0009765625)
	assert.InDelta(t, 64, bounds[len(bounds)-1], 0)
	assertPowersOfTwo(t, bounds)
}

func TestWindowBounds(t *testing.T) {
	bounds := WindowBounds()
	assert.Len(t, bounds, 22)
	assert.Zero(t, bounds[0])
	assert.InDelta(t, 256, bounds[1], 0)
	assert.InDelta(t, 268435456, bounds[len(bounds)-1], 0)
	assertPowersOfTwo(t, bounds[1:])
}

func assertPowersOfTwo(t *testing.T, bounds []float64) {
	t.Helper()
	assert.True(t, slices.IsSorted(bounds))
	for _, bound := range bounds {
		fraction, _ := math.Frexp(bound)
		assert.InDelta(t, 0.5, fraction, 0, "bound %v", bound)
	}
}
