// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A total that falls is of a source that began anew, which counts; or its sender's clock was set back by less than
// what was on its way then was late, which had been counted.
func TestATotalFalls(t *testing.T) {
	const second = uint64(time.Second)
	type sent struct{ came, time, n uint64 }
	begins := []sent{{10, 10, 70}, {20, 20, 90}}
	for name, test := range map[string]struct {
		unknown bool // start
		then    []sent
		want    uint64
		stats   Stats
	}{
		"it began anew":              {false, []sent{{30, 30, 5}, {40, 40, 100}}, 90 + 100, Stats{Resets: 1}},
		"it is of before a step":     {false, []sent{{30, 15, 95}, {36, 30, 92}, {40, 35, 100}}, 100, Stats{Late: 1}},
		"all comes at once":          {false, []sent{{36, 30, 95}, {36, 31, 92}, {46, 41, 100}}, 100, Stats{Late: 1}},
		"it comes twice":             {false, []sent{{30, 22, 95}, {36, 30, 92}, {37, 30, 92}, {42, 35, 100}}, 100, Stats{Late: 1, Duplicate: 1}},
		"two are, and come at once":  {false, []sent{{30, 22, 95}, {36, 30, 92}, {36, 31, 93}, {97, 94, 100}}, 100, Stats{Late: 1}},
		"it began anew after a wait": {false, []sent{{36, 30, 5}, {46, 40, 15}, {56, 50, 25}, {100, 94, 75}, {110, 104, 100}}, 90 + 100, Stats{Resets: 1}},
		"and again":                  {false, []sent{{36, 30, 5}, {46, 40, 2}, {106, 100, 60}}, 90 + 60, Stats{Late: 1, Resets: 1}},
		"it knows no start":          {true, []sent{{36, 30, 5}, {46, 40, 100}}, 20 + 100, Stats{Resets: 1, Baselines: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			table := NewTable(Limits{Inputs: 9, Outputs: 9, Stale: 300 * second, Gap: 300 * second}, at(second), false)
			flow := &Flow{}
			p := Point{Start: 5 * second}
			if test.unknown {
				p.Start = 0
			}
			in := table.NewInput(Key{1}, flow, &p)
			table.Bind(in, table.NewOutput(Key{1}, Design{Shape: p.Shape}))
			for _, s := range append(begins, test.then...) {
				table.Advance(at(s.came * second))
				flow.Received = s.came * second
				p.Time, p.Number = s.time*second, Integer(int64(s.n))
				table.Overtaken(flow, p.Time)
				table.Add(in, &p)
			}
			var value Value
			table.Begin(at(200*second), nil)
			require.True(t, table.Read(in.output, &value))
			assert.Equal(t, Integer(int64(test.want)), value.Number)
			assert.Equal(t, test.stats, table.Stats)
		})
	}
}
