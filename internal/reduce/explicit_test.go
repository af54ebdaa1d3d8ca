// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every bound's neighbours, at every scale, are where their values are.
func TestExponentialCountsFallBetweenExplicitBounds(t *testing.T) {
	for _, values := range [][]float64{{0.125, 0.25, 0.5, 1, 2, 4}, {0, 256, 512}, {-1, 0, 1}, {1, 4}, {3, 4}, {}} {
		bounds := NewBounds(values)
		for scale := int32(0); scale <= 4; scale++ {
			for index := int32(-200); index <= 200; index++ {
				h := &Exponential{Scale: scale, Offset: index, Counts: []uint64{1}}
				upper := h.bound(0)
				want := len(values)
				for i := len(values) - 1; i >= 0 && upper <= values[i]*(1+1e-12); i-- {
					want = i
				}
				// A bucket that a bound lies within goes to the next bound that is a power of two.
				if lower := h.bound(-1); want > 0 && lower < values[want-1]*(1-1e-12) {
					continue
				}
				got := bounds.Count(h)
				if exact(values) {
					require.Equal(t, uint64(1), got[want], "bounds %v scale %d index %d: %v", values, scale, index, got)
				}
				require.Equal(t, uint64(1), sum(got))
			}
		}
	}
}

func exact(bounds []float64) bool {
	for _, bound := range bounds {
		if fraction, _ := math.Frexp(bound); bound > 0 && fraction != 0.5 {
			return false
		}
	}
	return true
}

func TestZeroIsCountedAtZero(t *testing.T) {
	h := &Exponential{Zero: 7}
	assert.Equal(t, []uint64{7, 0, 0}, NewBounds([]float64{0, 1}).Count(h))
	assert.Equal(t, []uint64{7, 0, 0}, NewBounds([]float64{1, 2}).Count(h))
	assert.Equal(t, []uint64{0, 7, 0}, NewBounds([]float64{-1, 1}).Count(h))
}

func TestBoundsThatDifferAreNarrowed(t *testing.T) {
	total := newExplicitTotal(NewBounds([]float64{1, 2, 4}))
	total.add(&Explicit{Bounds: []float64{1, 2, 4}, Counts: []uint64{1, 2, 3, 4}})
	total.add(&Explicit{Bounds: []float64{1, 3, 4}, Counts: []uint64{10, 20, 30, 40}})
	assert.Equal(t, []float64{1, 4}, total.bounds.Values())
	assert.Equal(t, []uint64{11, 2 + 3 + 20 + 30, 44}, total.counts)
	total.add(&Explicit{Bounds: []float64{5}, Counts: []uint64{1, 1}})
	assert.Empty(t, total.bounds.Values())
	assert.Equal(t, []uint64{11 + 55 + 44 + 2}, total.counts)
}

func TestGrowthOfExplicitHistograms(t *testing.T) {
	before := &Explicit{Bounds: []float64{1, 2}, Counts: []uint64{1, 2, 3}}
	now := &Explicit{Bounds: []float64{1, 2}, Counts: []uint64{1, 5, 4}}
	var grown Explicit
	require.True(t, now.growth(before, &grown))
	assert.Equal(t, []uint64{0, 3, 1}, grown.Counts)
	assert.False(t, before.growth(now, &grown))
	coarser := &Explicit{Bounds: []float64{2}, Counts: []uint64{4, 3}}
	require.True(t, coarser.growth(before, &grown))
	assert.Equal(t, []uint64{1, 0}, grown.Counts)
}
