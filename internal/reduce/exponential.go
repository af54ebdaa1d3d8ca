// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import (
	"math"
	"slices"
)

// maxBuckets is how many buckets an exponential histogram may span; more are made fewer
// by halving the resolution, which is exact for what remains.
const maxBuckets = 320

// Scales that OTLP's data model expects.
const (
	minScale = -10
	maxScale = 20
)

// An Exponential is a histogram of values that are not negative. Bucket i of Counts has
// index Offset+i and the upper bound 2^((Offset+i+1)·2^-Scale), inclusive.
type Exponential struct {
	Scale     int32
	Zero      uint64
	Threshold float64 // up to which values are counted as zero
	Offset    int32
	Counts    []uint64
	Sum       float64
	HasSum    bool
}

// valid reports whether it is a histogram that can be added up.
func (h *Exponential) valid() bool {
	if h.Scale < minScale || h.Scale > maxScale || h.Threshold < 0 || !finite(h.Threshold) || !finite(h.Sum) {
		return false
	}
	// No float64 is beyond: 2^-1074 is the smallest, 2^1024 exceeds the greatest.
	limit := int64(math.Ldexp(1100, int(h.Scale))) + 1
	return int64(h.Offset) >= -limit && h.end() <= limit
}

func (h *Exponential) set(from *Exponential) {
	counts := append(h.Counts[:0], from.Counts...)
	*h = *from
	h.Counts = counts
}

// downscale lowers the resolution.
func (h *Exponential) downscale(scale int32) {
	shift := h.Scale - scale
	if shift <= 0 {
		return
	}
	offset := h.Offset >> shift
	n := 0
	for i, count := range h.Counts {
		h.Counts[i] = 0
		n = int((int64(h.Offset)+int64(i))>>shift - int64(offset))
		h.Counts[n] += count
	}
	if len(h.Counts) > 0 {
		h.Counts = h.Counts[:n+1]
	}
	h.Scale, h.Offset = scale, offset
}

// trim drops empty buckets at either end.
func (h *Exponential) trim() {
	for len(h.Counts) > 0 && h.Counts[len(h.Counts)-1] == 0 {
		h.Counts = h.Counts[:len(h.Counts)-1]
	}
	n := 0
	for n < len(h.Counts) && h.Counts[n] == 0 {
		n++
	}
	h.Counts = slices.Delete(h.Counts, 0, n)
	h.Offset += int32(n)
}

// raise counts values up to a threshold as zero. One within an occupied bucket becomes
// that bucket's upper bound, as OTLP's data model has it.
func (h *Exponential) raise(threshold float64) {
	if threshold <= h.Threshold {
		return
	}
	n := 0
	for n < len(h.Counts) && h.bound(n-1) < threshold {
		if h.Counts[n] > 0 {
			threshold = max(threshold, h.bound(n))
		}
		h.Zero += h.Counts[n]
		n++
	}
	h.Counts = slices.Delete(h.Counts, 0, n)
	h.Offset += int32(n)
	h.Threshold = threshold
}

// bound returns the upper bound of a bucket, as far as there are numbers.
func (h *Exponential) bound(n int) float64 {
	return min(math.Exp2(math.Ldexp(float64(int64(h.Offset)+int64(n)+1), -int(h.Scale))), math.MaxFloat64)
}

// align makes two histograms comparable.
func align(a, b *Exponential) {
	a.downscale(b.Scale)
	b.downscale(a.Scale)
	for a.Threshold != b.Threshold {
		a.raise(b.Threshold)
		b.raise(a.Threshold)
	}
}

func aligned(a, b *Exponential) bool { return a.Scale == b.Scale && a.Threshold == b.Threshold }

// growth writes what h has more than before. It returns false if some of it is less.
func (h *Exponential) growth(before, grown *Exponential) bool {
	if !aligned(h, before) {
		var now, then Exponential
		now.set(h)
		then.set(before)
		align(&now, &then)
		h, before = &now, &then
	}
	if h.Zero < before.Zero {
		return false
	}
	grown.Scale, grown.Threshold, grown.Offset = h.Scale, h.Threshold, h.Offset
	grown.Zero = h.Zero - before.Zero
	grown.Counts = append(grown.Counts[:0], h.Counts...)
	shift := int64(before.Offset) - int64(h.Offset)
	for i, count := range before.Counts {
		n := shift + int64(i)
		if count == 0 {
			continue
		}
		if n < 0 || n >= int64(len(h.Counts)) || h.Counts[n] < count {
			return false
		}
		grown.Counts[n] -= count
	}
	return true
}

// An exponentialTotal is a sum of exponential histograms.
type exponentialTotal struct {
	buckets Exponential
	sum     Total
	unsure  bool // a part had no sum
	used    bool
}

// add adds counts.
func (t *exponentialTotal) add(h *Exponential) {
	if !t.used {
		t.buckets.Scale, t.buckets.Threshold, t.used = h.Scale, h.Threshold, true
	}
	if !aligned(&t.buckets, h) {
		h = h.clone()
		align(&t.buckets, h)
	}
	t.buckets.Zero += h.Zero
	if len(h.Counts) == 0 {
		return
	}
	if len(t.buckets.Counts) == 0 {
		t.buckets.Offset = h.Offset
	}
	if span(&t.buckets, h) > maxBuckets {
		h = t.coarsen(h)
	}
	t.spread(h)
}

func (h *Exponential) clone() *Exponential {
	clone := new(Exponential)
	clone.set(h)
	return clone
}

func (h *Exponential) end() int64 { return int64(h.Offset) + int64(len(h.Counts)) }

// span is the number of buckets from the first of either to the last.
func span(a, b *Exponential) int64 {
	return max(a.end(), b.end()) - int64(min(a.Offset, b.Offset))
}

// coarsen halves the resolution until both have room.
func (t *exponentialTotal) coarsen(h *Exponential) *Exponential {
	h = h.clone()
	h.trim()
	t.buckets.trim()
	if len(t.buckets.Counts) == 0 {
		t.buckets.Offset = h.Offset
	}
	for span(&t.buckets, h) > maxBuckets {
		h.downscale(h.Scale - 1)
		t.buckets.downscale(t.buckets.Scale - 1)
	}
	return h
}

// spread makes room for a histogram of the same scale and adds it.
func (t *exponentialTotal) spread(h *Exponential) {
	b := &t.buckets
	if n := int(b.Offset) - int(h.Offset); n > 0 {
		b.Counts = slices.Insert(b.Counts, 0, make([]uint64, n)...)
		b.Offset = h.Offset
	}
	if n := int(h.end() - b.end()); n > 0 {
		b.Counts = append(b.Counts, make([]uint64, n)...)
	}
	at := int(h.Offset) - int(b.Offset)
	for i, count := range h.Counts {
		b.Counts[at+i] += count
	}
}
