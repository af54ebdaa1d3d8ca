// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

// A Merge says how gauges become one.
type Merge uint8

// Ways to merge gauges.
const (
	MergeSum Merge = iota
	MergeMin
	MergeMax
)

// An Output is one series as it leaves.
type Output struct {
	// Start is when it began to count; it does not change once it was exported.
	Start uint64
	// Shape may differ from its inputs': exponential histograms may become explicit.
	Shape Shape
	// Label is its owner's.
	Label any

	key      Key
	merge    Merge
	live     int    // inputs that have not ended
	left     uint64 // when the last of them ended
	former   uint64 // when the series of this key ended that was before it
	exported bool
	ending   bool // as last read
	gone     bool // it has ended
	overflow bool

	// It does not end before all that it has grown by has arrived.
	growths, read, accepted uint64
	readAt                  uint64 // by the pace

	total       Total // sums, and merged gauges
	gauges      int   // inputs that the gauge is made of
	shown       bool  // the gauge had a value when it was last read, or a delta was told
	explicit    *explicitTotal
	exponential *exponentialTotal

	// Of outputs that tell deltas: what had been told, and what is being told.
	told, telling level
	began         uint64 // by the pace
	since         uint64 // by the pace: when it was told last, 0 if it never was
	grew          bool   // as last read
}

// add adds what an input has grown by: to p, from before, nil for nothing.
func (o *Output) add(p *Point, grown *Point, before *Input) {
	switch p.Shape {
	case ShapeSum:
		o.total.Add(p.Number)
		if before != nil {
			o.total.Sub(before.number)
		}
	case ShapeExplicit:
		o.explicit.add(&grown.Explicit)
		addSum(&o.explicit.sum, &o.explicit.unsure, p.Explicit.Sum, p.Explicit.HasSum)
		if before != nil {
			o.explicit.sum.Sub(Fraction(before.explicit.Sum))
		}
	case ShapeExponential:
		sum, unsure := o.addExponential(&grown.Exponential)
		addSum(sum, unsure, p.Exponential.Sum, p.Exponential.HasSum)
		if before != nil {
			sum.Sub(Fraction(before.exponential.Sum))
		}
	}
}

// Buckets is how many a histogram has; 0 of what is none.
func (o *Output) Buckets() int {
	switch o.Shape {
	case ShapeExplicit:
		return len(o.explicit.counts)
	case ShapeExponential:
		return len(o.exponential.buckets.Counts)
	}
	return 0
}

func (o *Output) addExponential(h *Exponential) (sum *Total, unsure *bool) {
	if o.Shape == ShapeExplicit {
		o.explicit.bounds.count(h, o.explicit.counts)
		return &o.explicit.sum, &o.explicit.unsure
	}
	o.exponential.add(h)
	return &o.exponential.sum, &o.exponential.unsure
}

func addSum(total *Total, unsure *bool, sum float64, has bool) {
	*unsure = *unsure || !has
	total.Add(Fraction(sum))
}

// mergeGauge takes in the value of one gauge.
func (o *Output) mergeGauge(n Number) {
	switch {
	case o.gauges == 0, o.merge == MergeMin && n.compare(o.total.Number()) < 0,
		o.merge == MergeMax && n.compare(o.total.Number()) > 0:
		o.total = Total{}
		o.total.Add(n)
	case o.merge == MergeSum:
		o.total.Add(n)
	}
	o.gauges++
}
