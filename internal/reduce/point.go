// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

// A Shape is the data type of a series.
type Shape uint8

// Shapes.
const (
	ShapeSum Shape = iota
	ShapeGauge
	ShapeExplicit
	ShapeExponential
)

// A Point is one data point as it comes. Only what its shape says is set of the values.
type Point struct {
	Shape       Shape
	Delta       bool   // what happened from Start to Time, not since Start
	Ended       bool   // the series has no value any more
	Start, Time uint64 // Start is 0 where it is not known
	Number      Number
	Explicit    Explicit
	Exponential Exponential
}

// Valid reports whether a point can be added up: sums and histograms count what is not
// negative and finite.
func (p *Point) Valid() bool {
	switch p.Shape {
	case ShapeSum:
		return finite(p.Number.Float) && p.Number.Int >= 0 && p.Number.Float >= 0
	case ShapeGauge:
		return finite(p.Number.Float)
	case ShapeExplicit:
		return p.Explicit.valid()
	default:
		return p.Exponential.valid()
	}
}
