// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// pieceFlows is the number of flows that are handed on at once. A table of
// 65,536 flows has about a million data points: in one piece they would be half
// a gigabyte of heap and no message that a gRPC server accepts (4 MiB). With 100
// flows it is about 0.6 MiB on the wire, and 2.6 MiB when a processor has named both ends
// of each point.
const pieceFlows = 100

// A piece is the next flows to be handed on: those of one owner or more.
type piece []*flow.Group

// A cursor is a place in a table that does not change meanwhile.
type cursor struct {
	group, flow int
}

// next returns up to limit flows from the cursor on, and the place behind them.
func (c cursor) next(groups []*flow.Group, limit int) (piece, cursor) {
	var p piece
	for limit > 0 && c.group < len(groups) {
		group := groups[c.group]
		end := min(c.flow+limit, len(group.Flows))
		p = append(p, &flow.Group{Owner: group.Owner, Flows: group.Flows[c.flow:end]})
		limit -= end - c.flow
		c.flow = end
		if end == len(group.Flows) {
			c = cursor{group: c.group + 1}
		}
	}
	return p, c
}
