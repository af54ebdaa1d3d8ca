// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

import "math"

// RTTBounds are the explicit bounds of round-trip time histograms, in seconds:
// every power of two from 2^-17 s (7.6 µs) to 2^6 s (64 s). Powers of two of
// the metric's unit are also bounds of an exponential histogram of any scale,
// so that explicit buckets are sums of exponential ones.
func RTTBounds() []float64 { return powersOfTwo(-17, 6) }

// WindowBounds are the explicit bounds of window histograms, in bytes: 0, which
// makes a zero window visible, and every power of two from 2^8 B to 2^28 B.
func WindowBounds() []float64 { return append([]float64{0}, powersOfTwo(8, 28)...) }

// SetupBounds are the explicit bounds of the duration of handshakes, in seconds:
// every power of two from 2^-17 s (7.6 µs) to 2^7 s (128 s).
func SetupBounds() []float64 { return powersOfTwo(-17, 7) }

// DurationBounds are the explicit bounds of the duration of connections, in seconds:
// every power of two from 2^-7 s (7.8 ms) to 2^20 s (12 days).
func DurationBounds() []float64 { return powersOfTwo(-7, 20) }

func powersOfTwo(first, last int) []float64 {
	powers := make([]float64, 0, last-first+1)
	for exponent := first; exponent <= last; exponent++ {
		powers = append(powers, math.Ldexp(1, exponent))
	}
	return powers
}
