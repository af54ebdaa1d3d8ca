// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

// A Flow is what several inputs have in common: the points of one flow bear one time.
// Its owner sets it before the points are added.
type Flow struct {
	// Latest is the newest time of a point, Received when the last one came.
	Latest, Received uint64
	// Start is the newest start.
	Start uint64
	// Generation changes with the place of the flow's outputs.
	Generation uint32
	// Label is its owner's.
	Label any

	inputs int
}
