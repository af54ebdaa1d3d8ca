// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"math"
	"sort"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// exponential is the kernel's rule: the smallest bucket whose upper bound is
// not below value, in the kernel's integer unit.
func exponential(layout flow.Layout, value uint64) int {
	return sort.Search(layout.Count-1, func(bucket int) bool {
		power := math.Exp2(float64(int(layout.First)+bucket+1) / math.Exp2(float64(layout.Scale)))
		return value <= uint64(math.Floor(power/layout.Unit+1e-9))
	})
}

// explicit is OTLP's rule, in the metric's unit.
func explicit(bounds []float64, value float64) int {
	return sort.SearchFloat64s(bounds, value)
}

func TestExplicitBucketsHoldTheirValues(t *testing.T) {
	for name, test := range map[string]struct {
		layout flow.Layout
		bounds []float64
	}{
		"round-trip times": {flow.RTTLayout, names.RTTBounds()},
		"windows":          {flow.WindowLayout, names.WindowBounds()},
	} {
		t.Run(name, func(t *testing.T) {
			conversion, err := test.layout.Explicit(test.bounds)
			require.NoError(t, err)
			for _, value := range boundaries(test.layout, test.bounds) {
				want := make([]uint64, len(test.bounds)+1)
				want[explicit(test.bounds, test.layout.Value(value))] = 1
				bucket := exponential(test.layout, value)
				got := conversion.AppendCounts(nil, 0, bucket, []uint64{1})
				assert.Equal(t, want, got, "value %d", value)
			}
		})
	}
}

// boundaries are the values around each bound, in the kernel's unit.
func boundaries(layout flow.Layout, bounds []float64) []uint64 {
	last := uint64(layout.UpperBound(layout.Count - 1))
	values := []uint64{1, 2, 3, last - 1, last}
	for bucket := range layout.Count {
		bounds = append(bounds, layout.UpperBound(bucket)*layout.Unit)
	}
	for _, bound := range bounds {
		near := uint64(bound / layout.Unit)
		for _, value := range []uint64{near - 1, near, near + 1} {
			if 0 < value && value <= last {
				values = append(values, value)
			}
		}
	}
	return values
}

func TestExplicitCountsAddUp(t *testing.T) {
	conversion, err := flow.WindowLayout.Explicit(names.WindowBounds())
	require.NoError(t, err)
	counts := make([]uint64, flow.WindowLayout.Count)
	for i := range counts {
		counts[i] = 1
	}
	got := conversion.AppendCounts([]uint64{99}, 7, 0, counts)
	assert.EqualValues(t, 99, got[0])
	got = got[1:]
	assert.Len(t, got, len(names.WindowBounds())+1)
	assert.EqualValues(t, 7, got[0], "value 0")
	assert.EqualValues(t, 9, got[1], "1 B to 256 B")
	assert.EqualValues(t, 1, got[2], "512 B")
	assert.EqualValues(t, 2, got[22], "above 256 MiB: 512 MiB and 1 GiB")
}

func TestExplicitClearsWhatItAppendsTo(t *testing.T) {
	conversion, err := flow.WindowLayout.Explicit([]float64{0, 256})
	require.NoError(t, err)
	dirty := []uint64{5, 5, 5, 5}
	last := flow.WindowLayout.Count - 1
	assert.Equal(t, []uint64{1, 0, 3}, conversion.AppendCounts(dirty[:0], 1, last, []uint64{3}))
}

func TestExplicitRejectsABoundInsideABucket(t *testing.T) {
	_, err := flow.WindowLayout.Explicit([]float64{0, 1000})
	assert.EqualError(t, err, "convert bound 1000: it splits the bucket (512, 1024]")
}

func TestValueIsCorrectlyRounded(t *testing.T) {
	assert.InDelta(t, 0.000003, flow.RTTLayout.Value(3), 0)
	assert.InDelta(t, 4294.967295, flow.RTTLayout.Value(math.MaxUint32), 0)
	assert.InDelta(t, 12345, flow.WindowLayout.Value(12345), 0)
}
