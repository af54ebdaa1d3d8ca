// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

func groups(sizes ...int) []*flow.Group {
	var all []*flow.Group
	for pid, size := range sizes {
		group := &flow.Group{Owner: flow.Owner{ID: flow.OwnerID{Program: uint32(pid)}}}
		for n := range size {
			group.Flows = append(group.Flows, &flow.Flow{Key: clientKey(uint32(pid), uint32(n))})
		}
		all = append(all, group)
	}
	return all
}

func TestPiecesHoldEachFlowOnce(t *testing.T) {
	all := groups(3, 1, 5, 2)
	for limit := 1; limit <= 12; limit++ {
		var keys []flow.Key
		for at := (cursor{}); at.group < len(all); {
			var p piece
			p, at = at.next(all, limit)
			count := 0
			for _, group := range p {
				for _, f := range group.Flows {
					assert.Equal(t, group.Owner.ID.PID(), f.Key.Owner.PID())
					keys = append(keys, f.Key)
					count++
				}
			}
			assert.True(t, count == limit || at.group == len(all), "limit %d: %d flows", limit, count)
		}
		assert.Equal(t, keysOf(all), keys, "limit %d", limit)
	}
}

func keysOf(all []*flow.Group) (keys []flow.Key) {
	for _, group := range all {
		for _, f := range group.Flows {
			keys = append(keys, f.Key)
		}
	}
	return keys
}

func TestAPieceOfNoFlows(t *testing.T) {
	p, at := cursor{}.next(nil, 10)
	assert.Empty(t, p)
	assert.Equal(t, cursor{}, at)
}
