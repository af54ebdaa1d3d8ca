// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A truth is what a sum has to be.
type truth struct {
	bytes  [2]int64
	time   *big.Float
	counts octaves
	rttSum *big.Float
}

func newTruth() *truth {
	return &truth{time: new(big.Float).SetPrec(1000), rttSum: new(big.Float).SetPrec(1000)}
}

func (t *truth) add(c *counter, sign int64) {
	t.plus(&truth{bytes: c.bytes, time: big.NewFloat(c.time), counts: c.octaves(), rttSum: big.NewFloat(c.rttSum)}, sign)
}

func (t *truth) plus(u *truth, sign int64) {
	for i := range t.bytes {
		t.bytes[i] += sign * u.bytes[i]
	}
	for i := range t.counts {
		t.counts[i] += uint64(sign) * u.counts[i]
	}
	factor := big.NewFloat(float64(sign))
	t.time.Add(t.time, new(big.Float).SetPrec(1000).Mul(u.time, factor))
	t.rttSum.Add(t.rttSum, new(big.Float).SetPrec(1000).Mul(u.rttSum, factor))
}

func requireEach(t *testing.T, want, got map[sumKey]*truth, rounded bool) {
	t.Helper()
	for key, w := range want {
		requireSame(t, key, w, sumOf(got, key), rounded)
	}
	require.Len(t, got, len(want))
}

func requireTotals(t *testing.T, want, got map[sumKey]*truth, rounded bool) {
	t.Helper()
	one := func(all map[sumKey]*truth) *truth {
		sum := newTruth()
		for _, part := range all {
			sum.plus(part, 1)
		}
		return sum
	}
	requireSame(t, sumKey{client: "all"}, one(want), one(got), rounded || len(got) > 1)
}

// requireSame compares. Fractions are equal to the last digit of a float64 where none
// of what they are made of was rounded.
func requireSame(t *testing.T, key sumKey, want, got *truth, rounded bool) {
	t.Helper()
	require.Equal(t, want.bytes, got.bytes, key)
	require.Equal(t, want.counts, got.counts, key)
	for _, pair := range [][2]*big.Float{{want.time, got.time}, {want.rttSum, got.rttSum}} {
		w, _ := pair[0].Float64()
		g, _ := pair[1].Float64()
		if rounded {
			assert.InDelta(t, w, g, 1e-9, key)
		} else {
			assert.Equal(t, w, g, key)
		}
	}
}
