// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

// A Flow is what several inputs have in common: the points of one flow bear one time.
// Its owner sets it before the points are added.
type Flow struct {
	// Latest is the newest time of a point, by its sender's clock, Received when the last one came, by the pace.
	Latest, Received uint64
	// Generation changes with the place of the flow's outputs.
	Generation uint32
	// Label is its owner's.
	Label any

	inputs    int
	overtaken overtaking // since a point was not
	start     uint64     // the newest
	old       bool       // what began with it may have been counted before
	stepped   bool       // times of its points may say nothing of their order
	sets      uint32     // how often its sender's clock was set back
	lag       int64      // from the time of the last point to when it came (ns)
	swung     uint64     // when that changed last, by the pace
}
