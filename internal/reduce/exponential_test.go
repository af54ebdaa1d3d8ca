// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// counts returns a histogram's counts by index at a coarser scale.
func counts(h *Exponential, scale int32) map[int64]uint64 {
	by := make(map[int64]uint64)
	for i, n := range h.Counts {
		if n > 0 {
			by[(int64(h.Offset)+int64(i))>>(h.Scale-scale)] += n
		}
	}
	return by
}

func plus(a, b map[int64]uint64) map[int64]uint64 {
	sum := make(map[int64]uint64)
	for i, n := range a {
		sum[i] += n
	}
	for i, n := range b {
		sum[i] += n
	}
	return sum
}

// arbitrary makes a histogram that is valid.
func arbitrary(random *rand.Rand) *Exponential {
	h := &Exponential{Scale: int32(random.IntN(31) - 10), Zero: random.Uint64N(10)}
	limit := int32(math.Ldexp(1100, int(h.Scale)))
	h.Offset = int32(random.Int64N(2*int64(limit)+1)) - limit
	for range random.IntN(400) {
		if h.end() > int64(limit) {
			break
		}
		h.Counts = append(h.Counts, random.Uint64N(3)/2*random.Uint64N(1000))
	}
	return h
}

func TestSumOfExponentialHistogramsIsExact(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		requireSum(t, arbitrary(random), arbitrary(random), arbitrary(random))
	}
}

// requireSum adds histograms and compares bucket by bucket at the sum's scale.
func requireSum(t *testing.T, parts ...*Exponential) {
	t.Helper()
	var total exponentialTotal
	var zero uint64
	for _, part := range parts {
		require.True(t, part.valid())
		total.add(part)
		zero += part.Zero
	}
	sum := &total.buckets
	want := make(map[int64]uint64)
	for _, part := range parts {
		require.LessOrEqual(t, sum.Scale, part.Scale)
		want = plus(want, counts(part, sum.Scale))
	}
	assert.Equal(t, want, counts(sum, sum.Scale))
	assert.Equal(t, zero, sum.Zero)
	assert.LessOrEqual(t, len(sum.Counts), 800)
	assert.True(t, sum.valid())
}

func TestGrowthAndWhatWasBeforeAreWhatIs(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		before, more := arbitrary(random), arbitrary(random)
		var total exponentialTotal
		total.add(before)
		total.add(more)
		now := total.buckets.clone()

		var grown Exponential
		require.True(t, now.growth(before, &grown))
		assert.Equal(t, counts(more, grown.Scale), counts(&grown, grown.Scale))
		assert.Equal(t, more.Zero, grown.Zero)
		if len(counts(more, more.Scale)) > 0 {
			assert.False(t, before.growth(now, &grown), "a smaller one has not grown")
		}
	}
}

func TestZeroThreshold(t *testing.T) {
	for _, test := range []struct {
		name               string
		threshold, atLeast float64
		zero               uint64
		offset             int32
		counts             []uint64
	}{
		{"below all", 0.5, 0.5, 1, 0, []uint64{2, 3, 4}},
		{"at a bound", 2, 2, 3, 1, []uint64{3, 4}},
		{"within an occupied bucket it becomes its bound", 3, 4, 6, 2, []uint64{4}},
		{"above all", 100, 100, 10, 3, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := &Exponential{Zero: 1, Counts: []uint64{2, 3, 4}} // (1, 2], (2, 4], (4, 8]
			h.raise(test.threshold)
			assert.Equal(t, test.zero, h.Zero)
			assert.Equal(t, test.offset, h.Offset)
			assert.ElementsMatch(t, test.counts, h.Counts)
			assert.InDelta(t, test.atLeast, h.Threshold, 0)
		})
	}
}

func FuzzExponential(f *testing.F) {
	f.Add(uint64(1), int32(2), int32(-15), []byte{1, 1}, int32(0), int32(5), []byte{0, 7}, 0.0, 0.25)
	f.Add(uint64(2), int32(20), int32(1<<29), []byte{1}, int32(-10), int32(-2), []byte{1, 1}, 1.0, 0.0)
	f.Fuzz(func(t *testing.T, zero uint64, scaleA, offsetA int32, countsA []byte, scaleB, offsetB int32, countsB []byte, thresholdA, thresholdB float64) {
		a := &Exponential{Scale: scaleA, Offset: offsetA, Zero: zero >> 8, Threshold: thresholdA}
		b := &Exponential{Scale: scaleB, Offset: offsetB, Threshold: thresholdB}
		for _, n := range countsA {
			a.Counts = append(a.Counts, uint64(n))
		}
		for _, n := range countsB {
			b.Counts = append(b.Counts, uint64(n))
		}
		if !a.valid() || !b.valid() {
			return
		}
		var total exponentialTotal
		total.add(a)
		total.add(b)
		require.Equal(t, a.Zero+sum(a.Counts)+sum(b.Counts), total.buckets.Zero+sum(total.buckets.Counts))
		require.True(t, total.buckets.valid())
		var grown Exponential
		require.True(t, total.buckets.growth(a, &grown))
		require.Equal(t, sum(b.Counts), grown.Zero+sum(grown.Counts))
		bounds := NewBounds([]float64{0, 0.25, 0.5, 1, 2})
		require.Equal(t, a.Zero+sum(a.Counts), sum(bounds.Count(a)))
	})
}

func sum(counts []uint64) (n uint64) {
	for _, count := range counts {
		n += count
	}
	return n
}
