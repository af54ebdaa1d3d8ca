// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"fmt"
	"math"
	"slices"
)

// An Explicit turns the counts of a [Layout]'s buckets into those of a
// histogram with explicit bounds.
type Explicit struct {
	zero    int   // explicit bucket of the value 0
	buckets []int // explicit bucket by bucket of the layout
	count   int
}

// Explicit returns the conversion to the given bounds, which are upper
// inclusive, ascending and in the metric's unit. Each bound other than 0 that
// lies within the layout must be the upper bound of one of its buckets, or that
// bucket's samples could not be told apart.
func (l Layout) Explicit(bounds []float64) (Explicit, error) {
	e := Explicit{
		zero:    place(bounds, 0),
		buckets: make([]int, l.Count),
		count:   len(bounds) + 1,
	}
	for i := range e.buckets {
		lower, upper := l.bound(i-1), l.bound(i)
		e.buckets[i] = place(bounds, upper)
		for _, bound := range bounds {
			if lower < bound && bound < upper {
				return Explicit{}, fmt.Errorf("convert bound %v: it splits the bucket (%v, %v]", bound, lower, upper)
			}
		}
	}
	return e, nil
}

// AppendCounts appends the counts of all explicit buckets to dst, where scratch
// holds the counts that [Histogram.AppendCounts] gave, from bucket first on.
func (e Explicit) AppendCounts(dst []uint64, zero uint64, first int, scratch []uint64) []uint64 {
	start := len(dst)
	dst = slices.Grow(dst, e.count)[:start+e.count]
	counts := dst[start:]
	clear(counts)
	counts[e.zero] = zero
	for i, count := range scratch {
		counts[e.buckets[first+i]] += count
	}
	return dst
}

// Value is a sum in the kernel's unit as a number of the metric's unit.
func (l Layout) Value(sum uint64) float64 {
	// Dividing by the whole number of units is correctly rounded, multiplying
	// by an inexact fraction is not.
	return float64(sum) / math.Round(1/l.Unit)
}

// bound is the upper bound of a bucket, in the metric's unit. It is exact where
// it is a power of two.
func (l Layout) bound(bucket int) float64 {
	return math.Exp2(math.Ldexp(float64(int(l.First)+bucket+1), -int(l.Scale)))
}

// place is the number of the explicit bucket that holds value.
func place(bounds []float64, value float64) int {
	i, _ := slices.BinarySearch(bounds, value)
	return i
}
