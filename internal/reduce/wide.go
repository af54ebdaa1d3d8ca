// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import (
	"math"
	"math/bits"
)

// A wide is an integer of 128 bits: no sum of the values of series is too large for it.
type wide struct {
	high int64
	low  uint64
}

func (w *wide) add(n int64) { w.plus(wide{n >> 63, uint64(n)}) }

func (w *wide) sub(n int64) { w.minus(wide{n >> 63, uint64(n)}) }

func (w *wide) plus(v wide) {
	low, carry := bits.Add64(w.low, v.low, 0)
	w.low, w.high = low, w.high+v.high+int64(carry)
}

func (w *wide) minus(v wide) {
	low, borrow := bits.Sub64(w.low, v.low, 0)
	w.low, w.high = low, w.high-v.high-int64(borrow)
}

// int64 is the nearest one.
func (w *wide) int64() int64 {
	switch {
	case w.high == int64(w.low)>>63:
		return int64(w.low)
	case w.high < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

func (w *wide) float64() float64 {
	if w.high < 0 { // by its size: small ones are next to 2^64 below
		var size wide
		size.minus(*w)
		return -size.float64()
	}
	return float64(w.high)*0x1p64 + float64(w.low)
}
