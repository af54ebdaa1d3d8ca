// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

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

// A gRPC server takes 4 MiB at once, and a processor may name both ends of each point before it is sent.
func TestAPieceIsWhatAServerTakes(t *testing.T) {
	const (
		names  = 1000 // bytes that those of Kubernetes add to a point
		points = 30   // that a flow may have
	)
	for _, histogram := range histograms {
		o := busyObserver(histogram, 2*pieceFlows)
		p, _ := cursor{}.next(o.table.Groups(), pieceFlows)
		md := o.write(p)
		encoded, err := new(pmetric.ProtoMarshaler).MarshalMetrics(md)
		require.NoError(t, err)
		each := len(encoded)/md.DataPointCount() + names
		assert.Less(t, each*points*pieceFlows, 4<<20, histogram)
	}
}
