// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import (
	"math"
	"slices"
)

// Bounds are the upper bounds, inclusive, of an explicit histogram's buckets. There is
// one bucket more, for what exceeds the last.
type Bounds struct {
	values []float64
	// What makes it quick to find a power of two, where bounds are consecutive ones,
	// perhaps after others that are not positive.
	powers bool
	first  int // exponent of the first power
	before int // number of bounds before it
}

// NewBounds takes bounds in ascending order, and keeps them.
func NewBounds(values []float64) *Bounds {
	b := &Bounds{values: values}
	for b.before < len(values) && values[b.before] <= 0 {
		b.before++
	}
	for i, value := range values[b.before:] {
		fraction, exponent := math.Frexp(value)
		if i == 0 {
			b.first = exponent - 1
		}
		if fraction != 0.5 || exponent-1 != b.first+i {
			return b
		}
	}
	b.powers = b.before < len(values)
	return b
}

// Values returns the bounds, which must not be changed.
func (b *Bounds) Values() []float64 { return b.values }

// bucket returns the bucket of what is at most 2^exponent, and greater than any smaller
// bound.
func (b *Bounds) bucket(exponent int) int {
	if b.powers {
		return b.before + min(max(exponent-b.first, 0), len(b.values)-b.before)
	}
	n, _ := slices.BinarySearch(b.values, math.Ldexp(1, exponent))
	return n
}

// common returns the bounds that both have.
func common(a, b []float64) []float64 {
	var both []float64
	for _, bound := range a {
		if _, found := slices.BinarySearch(b, bound); found {
			both = append(both, bound)
		}
	}
	return both
}
