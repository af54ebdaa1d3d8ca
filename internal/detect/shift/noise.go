// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package shift

const (
	fewValues = 10  // a window of so many values counts half
	mostScore = 1.5 // of a window: a rare one that is far off must not look like noise

	// What is assumed of a series' windows until so many have told.
	assumedWindows  = 20
	assumedMean     = -0.3
	assumedVariance = 0.25
	assumedLag      = 0.6 // and never less: spikes hide that windows are alike

	mostLag   = 0.9
	mostScale = 5
)

// A noise is how the scores of a series' windows vary when nothing is wrong:
// decayed sums of their number, of scores, of squares, and of products of each
// with the one before.
type noise struct {
	windows, scores, squares, products, previous float32
}

// score is what a window of n values says, before it is known how much windows
// of the series vary by themselves:
//
//	x = min(ℓ, 1.5) · n / (n + 10)
func score(mean, n float32) float32 { return min(mean, mostScore) * n / (n + fewValues) }

// learn adds a window.
func (s *noise) learn(x, keep float32) {
	s.windows = s.windows*keep + 1
	s.scores = s.scores*keep + x
	s.squares = s.squares*keep + x*x
	s.products = s.products*keep + x*s.previous
	s.previous = x
}

// scale makes of scores what adds up to evidence. A sum of scores with mean −μ
// and long-run variance σ² that may not fall below zero exceeds h with a
// probability that falls as e^(−2μh/σ²), so that in units of σ²/2μ it falls as
// that of a log-likelihood ratio:
//
//	θ = min(5, 2μ / (Var x · (1 + ρ)/(1 − ρ)))
//
// where ρ is the correlation of a window with the one before, 0.6 to 0.9. Evidence counts
// little where round trips wander by themselves, and much where they do not.
func (s *noise) scale() float32 {
	n := s.windows + assumedWindows
	own := float32(0)
	if s.windows > 0 {
		own = s.scores / s.windows
	}
	own *= own * s.windows
	mean := (s.scores + assumedWindows*assumedMean) / n
	variance := (max(0, s.squares-own) + assumedWindows*assumedVariance) / n
	lag := (s.products - own + assumedWindows*assumedLag*assumedVariance) / n
	if mean >= 0 {
		return 0
	}
	rho := min(max(lag/variance, assumedLag), mostLag)
	return min(mostScale, -2*mean/variance*(1-rho)/(1+rho))
}
