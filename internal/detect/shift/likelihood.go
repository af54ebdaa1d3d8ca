// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package shift

import "math"

const (
	smoothing = 20.0 / Buckets // added to each count, so that nothing is impossible
	remainder = 0.02           // of P0, that P1 is at least
	shifted   = 0.9            // of P1 is P0 shifted, the rest anywhere above the median
	lowest    = -2             // that one value can say, nats
	highest   = 4
)

// shifts are by how many buckets P0 is shifted: from ×1.4 to ×8. Of octaves, by
// whole ones. farShifts are from ×16 to ×2000.
var (
	shifts, coarseShifts = [...]int{1, 2, 3, 4, 6}, [...]int{2, 4, 6}
	farShifts            = [...]int{8, 10, 12, 14, 16, 18, 20, 22}
)

// A usual is a distribution made from counts.
type usual struct {
	counts *[Buckets]float32
	total  float32
	median int // its bucket
}

// newUsual adds up a quarter at a time: four sums that do not wait for each other take a
// third of the time of one, and leave a quarter of the buckets to look for the median in.
func newUsual(counts *[Buckets]float32) usual {
	const quarter = Buckets / 4
	var sums [4]float32
	for k := range quarter {
		sums[0] += counts[k]
		sums[1] += counts[k+quarter]
		sums[2] += counts[k+2*quarter]
		sums[3] += counts[k+3*quarter]
	}
	u := usual{counts: counts, total: sums[0] + sums[1] + sums[2] + sums[3] + smoothing*Buckets}
	half, rank, k := u.total/2, float32(0), 0
	for i := 0; i < 3 && rank+sums[i]+smoothing*quarter <= half; i++ {
		rank += sums[i] + smoothing*quarter
		k += quarter
	}
	rank += counts[k] + smoothing
	for rank <= half && k < Buckets-1 {
		k++
		rank += counts[k] + smoothing
	}
	u.median = k
	return u
}

// mean is the mean log-likelihood ratio of so many values:
//
//	P0 = (Bk + 20/40) / (ΣB + 20)
//	P1 = max(0.02·P0, 0.9·mean P0[k−s] + 0.1·U(k > median)),  s ∈ {1, 2, 3, 4, 6}
//	ℓ  = Σ hk·clamp(ln P1/P0, −2, 4) / n
//
// or, where most values are 8 buckets and more above the median, the same of s ∈ {8, 10, … 22}, if that is more:
// where a hundredth of the round trips of a short way waits for an acknowledgement that the peer delays, 40 ms are no
// surprise, but that most take as long is.
func (u *usual) mean(h *Histogram, n float32, coarse bool) float32 {
	by := shifts[:]
	if coarse {
		by = coarseShifts[:]
	}
	near, above := u.meanBy(by, h, n), float32(0)
	for k := u.median + farShifts[0]; k < Buckets; k++ {
		above += float32(h.Counts[k])
	}
	if 2*above <= n {
		return near
	}
	return max(near, u.meanBy(farShifts[:], h, n))
}

func (u *usual) meanBy(by []int, h *Histogram, n float32) float32 {
	scale := shifted / float32(len(by))
	anywhere := (1 - shifted) * u.total / float32(max(1, Buckets-1-u.median))
	sum := float32(0)
	for k, count := range h.Counts {
		if count == 0 {
			continue
		}
		p1 := scale * u.below(by, k)
		if k > u.median {
			p1 += anywhere
		}
		sum += float32(count) * min(max(logarithm(max(remainder, p1/(u.counts[k]+smoothing))), lowest), highest)
	}
	return sum / n
}

// below adds up the buckets that are so far below one. Most calls are for shifts, by three sums
// that do not wait for each other.
func (u *usual) below(by []int, k int) float32 {
	if k >= 6 && len(by) == len(shifts) {
		c := u.counts[k-6 : k] // c[6-s] is s below
		return (c[5] + c[4]) + (c[3] + c[2]) + (c[0] + smoothing*float32(len(shifts)))
	}
	sum := float32(0)
	for _, s := range by {
		if k >= s {
			sum += u.counts[k-s] + smoothing
		}
	}
	return sum
}

// logarithm is that of x > 0, to 4 digits: a value says no more than that, and
// math.Log would take a third of the time of a window.
func logarithm(x float32) float32 {
	bits := math.Float32bits(x)
	exponent := float32(int32(bits>>23)) - 127
	m := math.Float32frombits(bits&0x7fffff|0x3f800000) - 1
	return math.Ln2 * (exponent + m*(1.4425449+m*(-0.7181452+m*(0.4575485+m*(-0.2779042+m*(0.1220470-m*0.0260960))))))
}
