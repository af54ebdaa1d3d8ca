// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is told of a histogram's end shares no memory with it: nobody may have taken the end, and more may come.
func TestAnEndThatNobodyTookLosesNothing(t *testing.T) {
	table := NewTable(Limits{Inputs: 9, Outputs: 9, Stale: 10, Gap: 1000}, at(1), true)
	outputs := make([]*Output, 2)
	flows := [2]*Flow{{}, {}}
	inputs := make([]*Input, 2)
	add := func(now uint64, n int, counts ...uint64) {
		table.Advance(at(now))
		flows[n].Received = now
		p := Point{Shape: ShapeExplicit, Start: 2, Time: now, Explicit: Explicit{Bounds: []float64{1}, Counts: counts}}
		if inputs[n] == nil {
			inputs[n] = table.NewInput(Key{uint64(n)}, flows[n], &p)
			outputs[n] = table.NewOutput(Key{uint64(n)}, Design{Shape: ShapeExplicit, Bounds: NewBounds([]float64{1})})
			table.Bind(inputs[n], outputs[n])
		}
		table.Overtaken(flows[n], now)
		table.Add(inputs[n], &p)
	}
	var value Value
	add(3, 0, 5, 6)
	add(3, 1, 1, 1)
	table.Begin(at(4), nil)
	for _, o := range outputs {
		require.True(t, table.Read(o, &value))
		table.Accepted(o)
	}
	table.Add(inputs[0], &Point{Shape: ShapeExplicit, Start: 2, Time: 5, Ended: true})
	add(30, 1, 900, 901)
	table.Begin(at(31), func(*Flow) {})
	require.True(t, table.Read(outputs[0], &value))
	require.True(t, value.Ended, "and it is not accepted")
	require.True(t, table.Read(outputs[1], &value))
	assert.Equal(t, []uint64{899, 900}, value.Explicit.Counts)
	table.Read(outputs[0], &value)
	assert.Equal(t, []uint64{5, 6}, outputs[0].explicit.counts)
}

// A delta begins when what was told before it was read, not when that was accepted: points come meanwhile.
func TestADeltaBeginsWhereTheOneBeforeEnded(t *testing.T) {
	table := NewTable(Limits{Inputs: 9, Outputs: 9, Stale: 100, Gap: 1000}, at(1), true)
	output := table.NewOutput(Key{1}, Design{Shape: ShapeSum})
	flow := new(Flow)
	var input *Input
	add := func(now uint64, total int64) {
		table.Advance(at(now))
		flow.Received = now
		p := Point{Shape: ShapeSum, Start: 2, Time: now, Number: Integer(total)}
		if input == nil {
			input = table.NewInput(Key{1}, flow, &p)
			table.Bind(input, output)
		}
		table.Overtaken(flow, now)
		table.Add(input, &p)
	}
	var value Value
	for i, want := range []uint64{2, 10, 20} {
		now := uint64(10*i) + 10
		add(now-1, int64(now-1))
		table.Begin(at(now), nil)
		require.True(t, table.Read(output, &value))
		assert.Equal(t, want, value.Start)
		add(now+4, int64(now+4))
		table.Accepted(output)
	}
}
