// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import (
	"math"
	"slices"
)

// An Explicit is a histogram with explicit bounds.
type Explicit struct {
	Bounds []float64
	Counts []uint64 // one more than bounds
	Sum    float64
	HasSum bool
}

// valid reports whether it is a histogram that can be added up.
func (h *Explicit) valid() bool {
	if len(h.Counts) != len(h.Bounds)+1 || !finite(h.Sum) {
		return false
	}
	for i, bound := range h.Bounds {
		if math.IsNaN(bound) || i > 0 && bound <= h.Bounds[i-1] {
			return false
		}
	}
	return true
}

func (h *Explicit) set(from *Explicit) {
	if !slices.Equal(h.Bounds, from.Bounds) {
		h.Bounds = slices.Clone(from.Bounds)
	}
	h.Counts = append(h.Counts[:0], from.Counts...)
	h.Sum, h.HasSum = from.Sum, from.HasSum
}

// onto returns the counts on fewer bounds.
func (h *Explicit) onto(bounds []float64) []uint64 {
	if len(bounds) == len(h.Bounds) {
		return h.Counts
	}
	counts := make([]uint64, len(bounds)+1)
	for i, count := range h.Counts {
		n := len(bounds)
		if i < len(h.Bounds) {
			n, _ = slices.BinarySearch(bounds, h.Bounds[i])
		}
		counts[n] += count
	}
	return counts
}

// growth writes what h has more than before. It returns false if some of it is less.
func (h *Explicit) growth(before, grown *Explicit) bool {
	bounds := h.Bounds
	if !slices.Equal(bounds, before.Bounds) {
		bounds = common(bounds, before.Bounds)
	}
	now, then := h.onto(bounds), before.onto(bounds)
	grown.Bounds, grown.Counts = bounds, grown.Counts[:0]
	for i, count := range now {
		if count < then[i] {
			return false
		}
		grown.Counts = append(grown.Counts, count-then[i])
	}
	return true
}

// An explicitTotal is a sum of histograms with explicit bounds.
type explicitTotal struct {
	bounds *Bounds
	counts []uint64
	sum    Total
	unsure bool // a part had no sum
}

func newExplicitTotal(bounds *Bounds) *explicitTotal {
	return &explicitTotal{bounds: bounds, counts: make([]uint64, len(bounds.values)+1)}
}

// add adds counts. If the bounds differ, those that both have remain: that is exact.
func (t *explicitTotal) add(h *Explicit) {
	if !slices.Equal(t.bounds.values, h.Bounds) {
		t.narrow(common(t.bounds.values, h.Bounds))
	}
	for i, count := range h.onto(t.bounds.values) {
		t.counts[i] += count
	}
}

func (t *explicitTotal) narrow(bounds []float64) {
	own := Explicit{Bounds: t.bounds.values, Counts: t.counts}
	t.counts = slices.Clone(own.onto(bounds))
	t.bounds = NewBounds(bounds)
}

// Count returns an exponential histogram's counts on these bounds: each bucket's is where
// its upper bound belongs. That is exact where bounds are powers of two and the scale is
// not negative.
func (b *Bounds) Count(h *Exponential) []uint64 {
	counts := make([]uint64, len(b.values)+1)
	b.count(h, counts)
	return counts
}

func (b *Bounds) count(h *Exponential, counts []uint64) {
	counts[b.zero(h.Threshold)] += h.Zero
	for i, count := range h.Counts {
		if count > 0 {
			counts[b.bucket(exponent(int64(h.Offset)+int64(i)+1, h.Scale))] += count
		}
	}
}

func (b *Bounds) zero(threshold float64) int {
	n, _ := slices.BinarySearch(b.values, threshold)
	return n
}

// exponent returns the smallest power of two that is at least the bound with an index.
func exponent(index int64, scale int32) int {
	if scale <= 0 {
		return int(index << -scale)
	}
	return int((index + 1<<scale - 1) >> scale)
}
