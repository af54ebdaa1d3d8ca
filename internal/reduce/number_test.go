// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTotalOfIntegersIsExact(t *testing.T) {
	var total Total
	total.Add(Integer(math.MaxInt64 - 1))
	total.Sub(Integer(math.MaxInt64 - 3))
	assert.Equal(t, Integer(2), total.Number())
}

// Whatever is added and taken away again leaves nothing.
func TestTotalOfFractionsIsRoundedOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		var total Total
		exact := new(big.Float).SetPrec(2000)
		for range 1000 {
			x := math.Ldexp(random.Float64(), random.IntN(60)-30)
			if random.IntN(2) == 0 {
				total.Sub(Fraction(x))
				exact.Sub(exact, big.NewFloat(x))
			} else {
				total.Add(Fraction(x))
				exact.Add(exact, big.NewFloat(x))
			}
		}
		want, _ := exact.Float64()
		assert.Equal(t, Fraction(want), total.Number())
	}
}

func TestNumbersOfBothKindsCompare(t *testing.T) {
	assert.Equal(t, -1, Integer(math.MaxInt64-1).compare(Integer(math.MaxInt64)))
	assert.Equal(t, 0, Integer(2).compare(Fraction(2)))
	assert.Equal(t, 1, Fraction(2.5).compare(Integer(2)))
}
