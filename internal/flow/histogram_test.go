// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dense is the distribution with a slot for every bucket.
type dense struct {
	zero, sum uint64
	counts    []uint64
}

func (d *dense) add(s *Sample) {
	d.zero += uint64(s.Zero)
	d.sum += s.Sum
	for i, count := range s.Counts {
		d.counts[i] += uint64(count)
	}
}

func (d *dense) requireEqual(t *testing.T, h *Histogram) {
	t.Helper()
	got := make([]uint64, len(d.counts))
	first, counts := h.AppendCounts(nil)
	copy(got[first:], counts)
	require.Equal(t, d.counts, got)
	require.Equal(t, d.zero, h.Zero())
	require.Equal(t, d.sum, h.Sum())
}

func TestHistogramEqualsADenseOne(t *testing.T) {
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 1))
		h, want := Histogram{}, dense{counts: make([]uint64, RTTLayout.Count)}
		for range 30 {
			s := randomSample(random, RTTLayout.Count)
			h.add(&s)
			want.add(&s)
			want.requireEqual(t, &h)
		}
	}
}

func randomSample(random *rand.Rand, buckets int) Sample {
	s := Sample{Zero: random.Uint32N(3), Sum: random.Uint64N(1e6)}
	if random.IntN(10) == 0 {
		return s
	}
	s.Counts = make([]uint32, buckets)
	for range random.IntN(4) {
		s.Counts[random.IntN(buckets)] = random.Uint32()
	}
	return s
}

func TestHistogramCountsBeyond32Bits(t *testing.T) {
	h, want := Histogram{}, dense{counts: make([]uint64, 3)}
	s := Sample{Counts: []uint32{1, math.MaxUint32, 0}, Sum: math.MaxUint32}
	for range 5 {
		h.add(&s)
		want.add(&s)
	}
	want.requireEqual(t, &h)
	_, counts := h.AppendCounts(nil)
	assert.Equal(t, []uint64{5, 5 * math.MaxUint32}, counts)
}

func TestHistogramAppendsOnlyTheOccupiedRange(t *testing.T) {
	var h Histogram
	assert.True(t, h.Empty())
	h.add(&Sample{Counts: []uint32{0, 0, 0, 7, 0, 9, 0, 0, 0, 0}})
	h.add(&Sample{Counts: []uint32{0, 0, 0, 0, 0, 0, 2, 0, 0, 0}})
	assert.False(t, h.Empty())
	first, counts := h.AppendCounts([]uint64{99})
	assert.Equal(t, 3, first)
	assert.Equal(t, []uint64{99, 7, 0, 9, 2}, counts)
}

func TestHistogramOfZerosHasNoBuckets(t *testing.T) {
	var h Histogram
	h.add(&Sample{Zero: 4})
	assert.False(t, h.Empty())
	_, counts := h.AppendCounts(nil)
	assert.Empty(t, counts)
	assert.EqualValues(t, 4, h.Zero())
}
