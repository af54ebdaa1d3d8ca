// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

// A Growth is what a point of a sum or of a histogram says has happened since the one
// before it. It is valid until the next point is added.
type Growth struct {
	Number      float64      // of a sum
	Explicit    *Explicit    // buckets only
	Exponential *Exponential // buckets only
}

// grow adds what an input has grown by to its output: to p, from before, nil for nothing.
func (t *Table) grow(in *Input, p *Point, grown *Point, before *Input) {
	in.output.add(p, grown, before)
	in.output.growths++
	t.growth = Growth{}
	t.grew = true
	switch p.Shape {
	case ShapeSum:
		t.growth.Number = p.Number.float()
		if before != nil {
			t.growth.Number = p.Number.minus(before.number)
		}
	case ShapeExplicit:
		t.growth.Explicit = &grown.Explicit
	case ShapeExponential:
		t.growth.Exponential = &grown.Exponential
	}
}

// minus is the difference; that of integers is exact as far as a float64 is.
func (n Number) minus(m Number) float64 {
	if !n.Fraction && !m.Fraction {
		return float64(n.Int - m.Int)
	}
	return n.float() - m.float()
}
