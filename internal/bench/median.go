// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"math"
	"slices"
)

// median is the middle of values, of which there is at least one.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// interval returns bounds that hold the median of the distribution behind values
// with a probability of at least 95 %: of n values, the k-th smallest and the
// k-th largest with the largest k such that
//
//	2 · P(fewer than k of n fair coins show heads) ≤ 0.05
//
// as the sign test has it, whatever the distribution. ok is false for fewer than
// six values: none are enough then.
func interval(values []float64) (low, high float64, ok bool) {
	n := len(values)
	k, tail := 0, 0.
	for {
		tail += choose(n, k) * math.Exp2(-float64(n))
		if 2*tail > 0.05 {
			break
		}
		k++
	}
	if k == 0 {
		return 0, 0, false
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[k-1], sorted[n-k], true
}

func choose(n, k int) float64 {
	c := 1.
	for i := range k {
		c = c * float64(n-i) / float64(i+1)
	}
	return c
}
