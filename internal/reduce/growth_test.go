// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAPointTellsWhatItHasGrownBy(t *testing.T) {
	table := NewTable(Limits{Inputs: 9, Outputs: 9, Stale: 1000}, at(100), false)
	flow := &Flow{}
	add := func(p Point) *Growth {
		table.Advance(at(max(p.Time, table.now.Pace)))
		key := Key{uint64(p.Shape), p.Start}
		in := table.Input(key)
		if in == nil {
			in = table.NewInput(key, flow, &p)
			table.Bind(in, table.NewOutput(key, Design{Shape: p.Shape}))
		}
		return table.Add(in, &p)
	}
	sum := func(start, time uint64, n int64) *Growth {
		return add(Point{Shape: ShapeSum, Start: start, Time: time, Number: Integer(n)})
	}
	assert.Nil(t, sum(50, 110, 7), "a baseline")
	assert.Equal(t, 5., sum(50, 120, 12).Number)
	assert.Nil(t, sum(50, 120, 12), "twice the same")
	assert.Nil(t, sum(50, 115, 9), "late")
	assert.Nil(t, sum(50, 130, 12), "nothing happened")
	assert.Equal(t, 3., sum(130, 140, 3).Number, "it began anew")
	assert.Equal(t, 2., sum(130, 150, 2).Number, "and without saying so")

	buckets := func(time uint64, counts ...uint64) *Growth {
		return add(Point{Shape: ShapeExponential, Start: 101, Time: time, Exponential: Exponential{Scale: 2, Offset: -40, Counts: counts}})
	}
	require.NotNil(t, buckets(110, 1, 2))
	g := buckets(120, 1, 5, 1)
	require.NotNil(t, g)
	assert.Equal(t, []uint64{0, 3, 1}, g.Exponential.Counts)
	assert.Equal(t, int32(-40), g.Exponential.Offset)
	assert.Nil(t, add(Point{Shape: ShapeGauge, Time: 120, Number: Integer(3)}), "a gauge does not grow")
}
