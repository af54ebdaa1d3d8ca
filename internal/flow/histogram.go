// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow

import "math"

// A Histogram is the cumulative distribution of a flow's samples. It holds
// counts only between the lowest and the highest bucket in use, because a
// table has tens of thousands of histograms and a path's round-trip times fill
// about twenty of 127 buckets.
type Histogram struct {
	zero uint64
	sum  uint64
	// counts are the low 32 bits of the counts of buckets first, first+1, ….
	counts []uint32
	// carries are the high 32 bits, by bucket: nil until one bucket has seen
	// 2^32 samples.
	carries map[int]uint32
	first   int
}

// Zero is the number of samples equal to 0.
func (h *Histogram) Zero() uint64 { return h.zero }

// Sum is the sum of all samples, in the kernel's unit.
func (h *Histogram) Sum() uint64 { return h.sum }

// Empty reports whether there never was a sample.
func (h *Histogram) Empty() bool { return h.zero == 0 && len(h.counts) == 0 }

// AppendCounts appends the counts from the lowest to the highest bucket in use
// to dst. It returns the number of the first one, from 0 for the first bucket
// of the histogram's [Layout].
func (h *Histogram) AppendCounts(dst []uint64) (first int, counts []uint64) {
	low, high := occupied(h.counts)
	for i := low; i < high; i++ {
		count := uint64(h.counts[i])
		if h.carries != nil {
			count |= uint64(h.carries[h.first+i]) << 32
		}
		dst = append(dst, count)
	}
	return h.first + low, dst
}

func (h *Histogram) add(s *Sample) {
	h.zero += uint64(s.Zero)
	h.sum += s.Sum
	low, high := occupied(s.Counts)
	if low == high {
		return
	}
	h.reach(low, high, len(s.Counts))
	for i := low; i < high; i++ {
		h.addBucket(i, s.Counts[i])
	}
}

func (h *Histogram) addBucket(bucket int, count uint32) {
	slot := &h.counts[bucket-h.first]
	if *slot > math.MaxUint32-count {
		if h.carries == nil {
			h.carries = make(map[int]uint32)
		}
		h.carries[bucket]++
	}
	*slot += count
}

// reach makes counts hold buckets low to high-1 of a layout with the given
// number of buckets. It leaves room on the side that grew: a distribution that
// widened once widens again.
func (h *Histogram) reach(low, high, buckets int) {
	const slack = 2
	end := h.first + len(h.counts)
	switch {
	case len(h.counts) == 0:
		h.first, end = low, low
	case low >= h.first && high <= end:
		return
	}
	if low < h.first {
		low = max(low-slack, 0)
	}
	if high > end {
		high = min(high+slack, buckets)
	}
	low, high = min(low, h.first), max(high, end)
	wider := make([]uint32, high-low)
	copy(wider[h.first-low:], h.counts)
	h.first, h.counts = low, wider
}

// occupied returns the range of counts other than 0: low to high-1, or twice
// the same number if there is none.
func occupied(counts []uint32) (low, high int) {
	high = len(counts)
	for high > 0 && counts[high-1] == 0 {
		high--
	}
	for low < high && counts[low] == 0 {
		low++
	}
	return low, high
}
