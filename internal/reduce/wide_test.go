// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A sum of integers is exact beyond 64 bits, as math/big says, and is told as the nearest that is in range.
func TestTotalOfManyLargeIntegers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		var total Total
		want := new(big.Int)
		for range 1 + r.IntN(30) {
			n := int64(r.Uint64()) >> r.IntN(64)
			if r.IntN(2) == 0 {
				total.Add(Integer(n))
				want.Add(want, big.NewInt(n))
			} else {
				total.Sub(Integer(n))
				want.Sub(want, big.NewInt(n))
			}
		}
		nearest := want
		for _, limit := range []int64{math.MaxInt64, math.MinInt64} {
			if want.CmpAbs(new(big.Int).Abs(big.NewInt(limit))) > 0 && want.Sign() == big.NewInt(limit).Sign() {
				nearest = big.NewInt(limit)
			}
		}
		require.Equal(t, Integer(nearest.Int64()), total.Number())
		difference := total.Minus(total)
		require.Equal(t, Integer(0), difference.Number())
		total.Add(Fraction(0))
		float, _ := new(big.Float).SetInt(want).Float64()
		require.InEpsilon(t, float+math.Copysign(1, float), total.Number().Float+math.Copysign(1, float), 1e-12)
	}
}

// Fractions that are too large together are told as the largest.
func TestTotalOfLargeFractions(t *testing.T) {
	var total Total
	total.Add(Fraction(math.MaxFloat64))
	total.Add(Fraction(math.MaxFloat64))
	require.Equal(t, Fraction(math.MaxFloat64), total.Number())
}
