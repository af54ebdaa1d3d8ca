// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

// A level is what an output has counted up to a moment.
type level struct {
	total       Total
	sum         Total // of histograms
	explicit    Explicit
	exponential Exponential
}

// level returns the present one, which shares the output's memory.
func (o *Output) level() level {
	l := level{total: o.total}
	switch o.Shape {
	case ShapeExplicit:
		l.sum = o.explicit.sum
		l.explicit = Explicit{
			Bounds: o.explicit.bounds.values, Counts: o.explicit.counts,
			Sum: l.sum.Number().float(), HasSum: !o.explicit.unsure,
		}
	case ShapeExponential:
		l.sum = o.exponential.sum
		l.exponential = o.exponential.buckets
		l.exponential.Sum, l.exponential.HasSum = l.sum.Number().float(), !o.exponential.unsure
	}
	return l
}

// keep copies a level into one that has memory of its own.
func (l *level) keep(from *level) {
	l.total, l.sum = from.total, from.sum
	l.explicit.set(&from.explicit)
	l.exponential.set(&from.exponential)
}

// readDelta tells what was counted since it was last accepted.
func (o *Output) readDelta(v *Value) bool {
	now := o.level()
	o.telling.keep(&now)
	total, sum := now.total.Minus(o.told.total), now.sum.Minus(o.told.sum)
	v.Number = total.Number()
	switch o.Shape {
	case ShapeExplicit:
		if o.told.explicit.Counts == nil {
			o.told.explicit = Explicit{Bounds: now.explicit.Bounds, Counts: make([]uint64, len(now.explicit.Counts))}
		}
		now.explicit.growth(&o.told.explicit, &v.Explicit)
		v.Explicit.Sum, v.Explicit.HasSum = sum.Number().float(), now.explicit.HasSum
		return anything(v.Explicit.Counts)
	case ShapeExponential:
		if o.told.exponential.Counts == nil {
			o.told.exponential.Scale, o.told.exponential.Threshold = now.exponential.Scale, now.exponential.Threshold
		}
		now.exponential.growth(&o.told.exponential, &v.Exponential)
		v.Exponential.Sum, v.Exponential.HasSum = sum.Number().float(), now.exponential.HasSum
		return v.Exponential.Zero > 0 || anything(v.Exponential.Counts)
	default:
		return v.Number.compare(Number{}) != 0
	}
}
