// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ratio

import "math"

const (
	memory           = 2 * 3600  // seconds after which a window's weight in the baseline has halved
	dispersionMemory = 72 * 3600 // the same for the size of bursts
	dispersionWeight = 20        // events that the dispersion's prior counts for
	maxDispersion    = 50
	// confidence is how many standard deviations the baseline is taken above its
	// estimate: 95 % of estimates are not too low then.
	confidence = 1.64
)

// A Baseline is what is usual. The zero value knows nothing.
type Baseline struct {
	events, trials float64 // decayed sums, R and N
	// Decayed sums over windows of r², of the squared expectation of r, and of r.
	squares, expected, bursts float64
}

// A prior is what a series is taken for as long as it has little data: that its
// baseline is share, as surely as if weight trials had shown it.
type prior struct {
	share, weight, dispersion float64
}

// share is the plain estimate:
//
//	p̂ = (R + a0) / (N + N0),  a0 = π·N0
func (b *Baseline) share(p prior) float64 {
	return (b.events + p.share*p.weight) / (b.trials + p.weight)
}

// upper is the estimate that a rise is measured against, on the safe side:
//
//	p0 = max(pmin, (R + a0 + 1.64·√(R + a0)) / (N + N0))
func (b *Baseline) upper(p prior, floor float64) float64 {
	events := b.events + p.share*p.weight
	return max(floor, (events+confidence*math.Sqrt(events))/(b.trials+p.weight))
}

// dispersion is the mean size of a burst, by which events count for less than
// as many independent ones (a compound Poisson process, weighted by events):
//
//	φ = clamp((Q − M2 + φ0·20) / (B + 20), 1, 50)
//	Q = Σ r²,  M2 = Σ (n·p̂)²,  B = Σ r
func (b *Baseline) dispersion(p prior) float64 {
	phi := (b.squares - b.expected + p.dispersion*dispersionWeight) / (b.bursts + dispersionWeight)
	return min(max(phi, 1), maxDispersion)
}

// forget lets what is known count for less. Shares are forgotten at one rate,
// bursts at another.
func (b *Baseline) forget(keep, keepBursts float64) {
	b.events *= keep
	b.trials *= keep
	b.squares *= keepBursts
	b.expected *= keepBursts
	b.bursts *= keepBursts
}

// learn adds a window.
func (b *Baseline) learn(n, r, share float64) {
	b.events += r
	b.trials += n
	b.squares += r * r
	b.expected += n * share * n * share
	b.bursts += r
}
