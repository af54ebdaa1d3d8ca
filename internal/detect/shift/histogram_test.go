// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package shift_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/detect/shift"
)

// bucket is the one that a value is in, by the definition.
func bucket(seconds float64) int {
	return min(max(int(math.Ceil(2*(math.Log2(seconds)+20)))-1, 0), shift.Buckets-1)
}

func TestRebinningIsExact(t *testing.T) {
	for scale := 1; scale <= 5; scale++ {
		per := 1 << scale // buckets an octave
		for i := -25 * per; i < 5*per; i++ {
			var h shift.Histogram
			require.NoError(t, h.AddExponential(scale, i, []uint64{7}))
			middle := math.Exp2((float64(i) + 0.5) / float64(per))
			assert.Equal(t, uint32(7), h.Counts[bucket(middle)], "scale %d, bucket %d", scale, i)
			assert.Equal(t, uint64(7), h.Total())
			assert.False(t, h.Coarse)
		}
	}
}

func TestExplicitAndExponentialOctavesAreTheSame(t *testing.T) {
	var explicit, exponential shift.Histogram
	require.NoError(t, explicit.AddExplicit([]float64{1. / 1024, 1. / 512, 1. / 256}, []uint64{1, 2, 3, 4}))
	require.NoError(t, exponential.AddExponential(0, -11, []uint64{1, 2, 3}))
	exponential.Counts[shift.Buckets-1] += 4
	assert.Equal(t, exponential, explicit)
	assert.True(t, explicit.Coarse)
}

func TestWhatCannotBeRebinnedIsRefused(t *testing.T) {
	var h shift.Histogram
	assert.EqualError(t, h.AddExponential(-1, 0, []uint64{1}),
		"add exponential histogram: scale -1 is not from 0 to 20")
	assert.EqualError(t, h.AddExplicit([]float64{0.25, 0.3}, []uint64{1, 2, 3}),
		"add explicit histogram: bound 0.3 is no power of two, or not above the last one")
	assert.EqualError(t, h.AddExplicit([]float64{0.25}, []uint64{1}),
		"add explicit histogram: 1 bounds do not make 1 buckets")
	for _, bad := range []float64{math.NaN(), math.Inf(1), -0.5, 0} {
		assert.Error(t, h.AddExplicit([]float64{bad}, []uint64{1, 1}))
	}
	assert.Zero(t, h)
}

func TestCountsDoNotWrap(t *testing.T) {
	var h shift.Histogram
	require.NoError(t, h.AddExponential(2, -80, []uint64{math.MaxUint64, 1 << 33}))
	other := h
	h.Merge(&other)
	assert.Equal(t, uint32(math.MaxUint32), h.Counts[0])
}
