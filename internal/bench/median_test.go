// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMedian(t *testing.T) {
	assert.Equal(t, 7., median([]float64{7}))
	assert.Equal(t, 2., median([]float64{9, 1, 2}))
	assert.Equal(t, 2.5, median([]float64{9, 1, 2, 3}))
}

// TestInterval has the ranks of the tables in the literature.
func TestInterval(t *testing.T) {
	for n, want := range map[int]int{6: 1, 8: 1, 9: 2, 10: 2, 20: 6, 30: 10, 31: 10, 40: 14} {
		values := make([]float64, n)
		for i, rank := range rand.Perm(n) {
			values[i] = float64(rank + 1)
		}
		low, high, ok := interval(values)
		assert.True(t, ok, n)
		assert.EqualValues(t, want, low, n)
		assert.EqualValues(t, n+1-want, high, n)
	}
	_, _, ok := interval([]float64{1, 2, 3, 4, 5})
	assert.False(t, ok)
}
