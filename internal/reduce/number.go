// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import "math"

// A Number is an integer or a fraction.
type Number struct {
	Int      int64
	Float    float64
	Fraction bool // it is Float
}

// Integer and Fraction make numbers.
func Integer(n int64) Number    { return Number{Int: n} }
func Fraction(x float64) Number { return Number{Float: x, Fraction: true} }

// Value is the number as a float64.
func (n Number) Value() float64 { return n.float() }

func (n Number) float() float64 {
	if n.Fraction {
		return n.Float
	}
	return float64(n.Int)
}

// compare returns -1, 0 or 1.
func (n Number) compare(m Number) int {
	if !n.Fraction && !m.Fraction {
		switch {
		case n.Int < m.Int:
			return -1
		case n.Int > m.Int:
			return 1
		}
		return 0
	}
	switch a, b := n.float(), m.float(); {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// finite reports whether a number can be added up.
func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// A Total is a sum of numbers: of integers exactly, in 128 bits, of fractions with twice a float64's
// digits (Dekker), so that what was added and taken away again leaves nothing. An integer that
// is too large to be told is told as the largest there is, until it is smaller again; a fraction stays that.
type Total struct {
	ints      wide
	high, low float64
	fraction  bool
}

// Add adds a number.
func (t *Total) Add(n Number) {
	if n.Fraction {
		t.fraction = true
		t.addFloat(n.Float)
		return
	}
	t.ints.add(n.Int)
}

// Sub takes a number away.
func (t *Total) Sub(n Number) {
	if n.Fraction {
		t.fraction = true
		t.addFloat(-n.Float)
		return
	}
	t.ints.sub(n.Int)
}

func (t *Total) addFloat(x float64) {
	sum := t.high + x
	if math.IsInf(sum, 0) {
		t.high, t.low = math.Copysign(math.MaxFloat64, sum), 0
		return
	}
	part := sum - t.high
	rest := (t.high - (sum - part)) + (x - part) + t.low
	t.high = sum + rest
	t.low = rest - (t.high - sum)
}

// Minus returns the difference of two totals.
func (t Total) Minus(u Total) Total {
	t.ints.minus(u.ints)
	t.addFloat(-u.high)
	t.addFloat(-u.low)
	t.fraction = t.fraction || u.fraction
	return t
}

// Number returns the sum. It is an integer unless a fraction was added.
func (t *Total) Number() Number {
	if !t.fraction {
		return Integer(t.ints.int64())
	}
	sum := *t
	sum.addFloat(t.ints.float64())
	return Fraction(sum.high)
}
