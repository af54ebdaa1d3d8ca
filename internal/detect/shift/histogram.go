// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package shift

import (
	"fmt"
	"math"
)

const (
	// Buckets is how many there are, two an octave: number k holds values v with
	// 2^(k/2 − 20) s < v ≤ 2^((k+1)/2 − 20) s. The first and the last one also
	// hold what is smaller and larger.
	Buckets = 40
	octaves = 20
)

// Lower is the bound of a bucket, in seconds, that its values are above.
func Lower(bucket int) float64 { return math.Exp2(float64(bucket)/2 - octaves) }

// A Histogram is the distribution of the values of one window. The zero value
// is an empty one.
type Histogram struct {
	Counts [Buckets]uint32
	// Coarse is that only octaves are known. Such counts are in the upper one of
	// an octave's two buckets.
	Coarse bool
	// Far is that the values are from between zones, where a longer rise matters: see [Config].
	Far bool
	// Windows is of how many windows they are: those before have none. 0 is one.
	Windows uint16
}

// AddExponential adds the positive buckets of an OpenTelemetry exponential
// histogram of seconds: the i-th holds values up to 2^((offset+i+1)·2^-scale).
// From scale 1 on this is exact. An error leaves the histogram as it was.
func (h *Histogram) AddExponential(scale, offset int, counts []uint64) error {
	if scale < 0 || scale > 20 {
		return fmt.Errorf("add exponential histogram: scale %d is not from 0 to 20", scale)
	}
	if scale == 0 {
		h.Coarse = true
	}
	for i, count := range counts {
		if scale == 0 {
			h.add(2*(offset+i+octaves)+1, count)
		} else {
			h.add((offset+i)>>(scale-1)+2*octaves, count)
		}
	}
	return nil
}

// AddExplicit adds an explicit histogram of seconds: counts[i] values are at
// most bounds[i] and more than bounds[i-1]. Bounds must be powers of two, in
// rising order. An error leaves the histogram as it was.
func (h *Histogram) AddExplicit(bounds []float64, counts []uint64) error {
	if len(counts) != len(bounds)+1 {
		return fmt.Errorf("add explicit histogram: %d bounds do not make %d buckets", len(bounds), len(counts))
	}
	for i, bound := range bounds {
		if fraction, _ := math.Frexp(bound); fraction != 0.5 || i > 0 && bound <= bounds[i-1] {
			return fmt.Errorf("add explicit histogram: bound %g is no power of two, or not above the last one", bound)
		}
	}
	h.Coarse = true
	for i, bound := range bounds {
		_, exponent := math.Frexp(bound)
		h.add(2*(exponent-1+octaves)-1, counts[i])
	}
	h.add(Buckets-1, counts[len(bounds)])
	return nil
}

// add adds to a bucket; what is below the first or above the last goes there.
func (h *Histogram) add(k int, count uint64) {
	b := &h.Counts[min(max(k, 0), Buckets-1)]
	*b = uint32(min(uint64(*b)+count, math.MaxUint32))
}

// Merge adds what another histogram holds.
func (h *Histogram) Merge(other *Histogram) {
	for k, count := range other.Counts {
		h.add(k, uint64(count))
	}
	h.Coarse = h.Coarse || other.Coarse
}

// Total is the number of values.
func (h *Histogram) Total() uint64 {
	total := uint64(0)
	for _, count := range h.Counts {
		total += uint64(count)
	}
	return total
}

// Above is the number of values that are certainly above one, in seconds.
func (h *Histogram) Above(value float64) uint64 {
	total := uint64(0)
	for k := Buckets - 1; k >= 0 && Lower(k) >= value; k-- {
		total += uint64(h.Counts[k])
	}
	return total
}

func (h *Histogram) floats() (counts [Buckets]float32) {
	for k, count := range h.Counts {
		counts[k] = float32(count)
	}
	return counts
}
