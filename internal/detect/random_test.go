// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect_test

import (
	"math"
	"math/rand/v2"
)

// A source draws what happens by chance, the same for the same seed.
type source struct{ *rand.Rand }

func newSource(seed, stream uint64) source { return source{rand.New(rand.NewPCG(seed, stream))} }

// poisson draws how many of independent events happen if mean do on average.
func (s source) poisson(mean float64) float64 {
	const chunk = 16
	n := 0.
	for ; mean > chunk; mean -= chunk {
		n += s.poissonUpTo(chunk)
	}
	return n + s.poissonUpTo(mean)
}

func (s source) poissonUpTo(mean float64) float64 {
	n, limit := 0., math.Exp(-mean)
	for p := s.Float64(); p > limit; p *= s.Float64() {
		n++
	}
	return n
}

// count draws about mean trials: as poisson, faster where that is much alike.
func (s source) count(mean float64) float64 {
	if mean < 32 {
		return s.poisson(mean)
	}
	return max(0, math.Round(mean+math.Sqrt(mean)*s.NormFloat64()))
}

// bursts draws events that come in groups of a uniform size from low to high.
func (s source) bursts(mean float64, low, high int) float64 {
	groups := s.poisson(2 * mean / float64(low+high))
	n := 0.
	for range int(groups) {
		n += float64(low + s.IntN(high-low+1))
	}
	return n
}
