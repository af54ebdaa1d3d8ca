// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import "slices"

// An Input is one series as it comes: of one start, if it is cumulative. It remembers
// the last value, so that the next one tells the growth.
type Input struct {
	// Tag is its owner's.
	Tag uint32

	key        Key
	flow       *Flow // nil in an input that is free
	output     *Output
	next       *Input // that came after it, or its room, which is another's now
	start      uint64
	time       uint64 // of the last value, of a sum the latest of all; 0 is that there is none
	generation uint32
	shape      Shape
	delta      bool
	back       bool   // it was silent for long
	fallen     bool   // the table holds a smaller value of it
	ended      uint64 // when it ended; 0 while it has not

	number      Number
	explicit    *Explicit
	exponential *Exponential
	recent      *recent
}

// Late reports whether a point is older than the last one, and adds nothing to what that said. A
// difference always adds.
func (in *Input) Late(p *Point) bool { return !p.Delta && in.late(p) }

// Current reports whether an input's output is still the right one, and still there.
func (in *Input) Current() bool {
	return in.generation == in.flow.Generation && (in.output == nil || !in.output.gone)
}

// Flow returns the flow that it belongs to.
func (in *Input) Flow() *Flow { return in.flow }

// compare says what a cumulative value of one input is to the one before.
func (in *Input) compare(p *Point, grown *Point) (order int) {
	switch in.shape {
	case ShapeSum:
		return p.Number.compare(in.number)
	case ShapeExplicit:
		return order3(p.Explicit.growth(in.explicit, &grown.Explicit), anything(grown.Explicit.Counts))
	default:
		return order3(p.Exponential.growth(in.exponential, &grown.Exponential),
			grown.Exponential.Zero > 0 || anything(grown.Exponential.Counts))
	}
}

func order3(grown, anything bool) int {
	switch {
	case !grown:
		return -1
	case anything:
		return 1
	default:
		return 0
	}
}

func anything(counts []uint64) bool {
	for _, count := range counts {
		if count > 0 {
			return true
		}
	}
	return false
}

// fresh reports whether a gauge has the value of its flow's latest point. One that has
// not is gone: a flow without connections has no smallest round-trip time.
func (in *Input) fresh() bool {
	return in.shape == ShapeGauge && in.ended == 0 && in.time != 0 && in.time == in.flow.Latest
}

// remember keeps a value for the next one.
func (in *Input) remember(p *Point) {
	in.time = max(in.time, p.Time)
	if in.shape == ShapeGauge {
		in.time = p.Time
	}
	switch in.shape {
	case ShapeSum, ShapeGauge:
		in.number = p.Number
	case ShapeExplicit:
		if in.explicit == nil {
			in.explicit = new(Explicit)
		}
		in.explicit.set(&p.Explicit)
	default:
		if in.exponential == nil {
			in.exponential = new(Exponential)
		}
		in.exponential.set(&p.Exponential)
	}
}

// recent has the times of the last deltas: nothing else tells a late one from one that
// comes twice.
type recent struct {
	times [recentTimes]uint64
	floor uint64 // up to which times are not remembered
	sets  uint32 // how often the sender's clock was set back before
}

const recentTimes = 16

func (r *recent) contains(time uint64) bool { return slices.Contains(r.times[:], time) }

// forgot reports whether a time may have been there without being remembered.
func (r *recent) forgot(time uint64) bool { return time <= r.floor }

// follow takes note of how often the sender's clock was set back: times of before that say nothing of what may
// have come since.
func (r *recent) follow(sets uint32) {
	if r.sets != sets {
		r.floor, r.sets = 0, sets
	}
}

// add takes the place of the oldest.
func (r *recent) add(time uint64) {
	oldest := 0
	for i, t := range r.times {
		if t < r.times[oldest] {
			oldest = i
		}
	}
	if time < r.times[oldest] {
		r.floor = max(r.floor, time)
		return
	}
	r.floor = max(r.floor, r.times[oldest])
	r.times[oldest] = time
}
