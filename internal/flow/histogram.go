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
	// counts are the low 32 bits of the counts of buckets first, first+1, …,
	// and behind them, once one bucket has seen 2^32 samples, the high ones.
	counts []uint32
	first  int32
	wide   bool
}

// Zero is the number of samples equal to 0.
func (h *Histogram) Zero() uint64 { return h.zero }

// Sum is the sum of all samples, in the kernel's unit.
func (h *Histogram) Sum() uint64 { return h.sum }

// Empty reports whether there never was a sample; nil is empty.
func (h *Histogram) Empty() bool { return h == nil || h.zero == 0 && len(h.counts) == 0 }

// AppendCounts appends the counts from the lowest to the highest bucket in use
// to dst. It returns the number of the first one, from 0 for the first bucket
// of the histogram's [Layout].
func (h *Histogram) AppendCounts(dst []uint64) (first int, counts []uint64) {
	low, high := 0, h.buckets()
	for high > 0 && h.count(high-1) == 0 {
		high--
	}
	for low < high && h.count(low) == 0 {
		low++
	}
	for i := low; i < high; i++ {
		dst = append(dst, h.count(i))
	}
	return int(h.first) + low, dst
}

func (h *Histogram) count(i int) uint64 {
	count := uint64(h.counts[i])
	if h.wide {
		count |= uint64(h.counts[h.buckets()+i]) << 32
	}
	return count
}

// buckets is the number of buckets with a count.
func (h *Histogram) buckets() int {
	if h.wide {
		return len(h.counts) / 2
	}
	return len(h.counts)
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
	i := bucket - int(h.first)
	if h.counts[i] > math.MaxUint32-count {
		h.widen()
		h.counts[h.buckets()+i]++
	}
	h.counts[i] += count
}

func (h *Histogram) widen() {
	if !h.wide {
		h.counts = append(h.counts, make([]uint32, len(h.counts))...)
		h.wide = true
	}
}

// reach makes counts hold buckets low to high-1 of a layout with the given
// number of buckets. It leaves room on the side that grew: a distribution that
// widened once widens again.
func (h *Histogram) reach(low, high, buckets int) {
	const slack = 2
	first, n := int(h.first), h.buckets()
	end := first + n
	switch {
	case n == 0:
		first, end = low, low
	case low >= first && high <= end:
		return
	}
	if low < first {
		low = max(low-slack, 0)
	}
	if high > end {
		high = min(high+slack, buckets)
	}
	low, high = min(low, first), max(high, end)
	counts := stretch(h.counts[:n], first-low, high-low)
	if h.wide {
		counts = append(counts, stretch(h.counts[n:], first-low, high-low)...)
	}
	h.first, h.counts = int32(low), counts
}

// stretch returns so many counts, the given ones from an offset on.
func stretch(counts []uint32, offset, n int) []uint32 {
	stretched := make([]uint32, n)
	copy(stretched[offset:], counts)
	return stretched
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
