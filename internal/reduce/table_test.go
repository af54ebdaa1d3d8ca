// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import (
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A delta that comes twice is not added twice, in whatever order deltas come.
func TestRecentTimes(t *testing.T) {
	var r recent
	for time := uint64(2); time <= 17; time++ {
		r.add(time)
	}
	require.False(t, r.contains(1))
	require.False(t, r.forgot(1))
	r.add(1) // late: older than all 16
	require.True(t, r.contains(1) || r.forgot(1))
	r.add(18)
	for time := uint64(1); time <= 18; time++ {
		assert.True(t, r.contains(time) || r.forgot(time), time)
	}
	assert.False(t, r.forgot(19))
}

func TestForgottenInputsMakeRoom(t *testing.T) {
	const second = 1e9
	table := NewTable(Limits{Inputs: 1000, Outputs: 10, Stale: 10 * second}, at(second), false)
	forgotten := 0
	for round := uint64(1); round <= 5; round++ {
		now := round * 100 * second
		table.Advance(at(now))
		for i := range uint64(1000) {
			f := &Flow{Received: now, Latest: now}
			p := Point{Start: now - 1, Time: now, Number: Integer(1)}
			require.True(t, table.Room())
			in := table.NewInput(Key{round, i}, f, &p)
			o := table.Output(Key{1, 1})
			if o == nil {
				o = table.NewOutput(Key{1, 1}, Design{})
			}
			table.Bind(in, o)
			table.Add(in, &p)
		}
		require.False(t, table.Room())
		table.Begin(at(now+20*second), func(*Flow) { forgotten++ })
	}
	inputs, outputs := table.Len()
	assert.Zero(t, inputs)
	assert.Equal(t, 1, outputs)
	assert.Equal(t, 5000, forgotten)
	assert.Len(t, table.slabs, 4, "slabs are used again")
	assert.Equal(t, uint64(5), table.Stats.Refused)
	var v Value
	require.True(t, table.Read(table.Output(Key{1, 1}), &v))
	assert.Equal(t, Integer(5000), v.Number)
}

// Series are found in whatever order they come, also where others were forgotten and
// their room is used again.
func TestInputsAreFoundInAnyOrder(t *testing.T) {
	const second = 1e9
	random := rand.New(rand.NewPCG(1, 2))
	table := NewTable(Limits{Inputs: 1000, Outputs: 1, Stale: 10 * second}, at(second), false)
	out := table.NewOutput(Key{1, 1}, Design{})
	known := make(map[Key]*Flow)
	for round := range uint64(300) {
		now := (round + 2) * second
		table.Advance(at(now))
		for range random.IntN(200) {
			key := Key{random.Uint64N(400), 7}
			in := table.Input(key)
			if known[key] == nil {
				require.Nil(t, in)
				known[key] = &Flow{}
				in = table.NewInput(key, known[key], &Point{Start: now, Time: now})
				table.Bind(in, out)
			}
			require.NotNil(t, in)
			require.Same(t, known[key], in.Flow())
			known[key].Received = now
		}
		table.Begin(at(now), func(f *Flow) { maps.DeleteFunc(known, func(_ Key, other *Flow) bool { return other == f }) })
	}
	inputs, _ := table.Len()
	require.Len(t, known, inputs)
}

// A sender whose clock was an hour ahead for one report is believed again with the next one, its end, too.
func TestAClockThatIsSetBack(t *testing.T) {
	const second = uint64(time.Second)
	for name, c := range map[string]struct{ first, want uint64 }{
		"from an hour ahead": {3610 * second, 5},
		"late by a second":   {20 * second, 3},
	} {
		t.Run(name, func(t *testing.T) {
			table := NewTable(Limits{Inputs: 9, Outputs: 9, Stale: 3600 * second}, at(second), false)
			table.Advance(at(20 * second))
			flow := &Flow{}
			first := Point{Shape: ShapeGauge, Time: c.first, Number: Integer(3)}
			in := table.NewInput(Key{1}, flow, &first)
			table.Bind(in, table.NewOutput(Key{1}, Design{Shape: ShapeGauge}))
			add := func(p Point) {
				table.Overtaken(flow, p.Time)
				table.Add(in, &p)
			}
			add(first)
			add(Point{Shape: ShapeGauge, Time: 19 * second, Number: Integer(5)})
			require.Zero(t, in.number.compare(Integer(int64(c.want))))
			require.Equal(t, c.first > 20*second, in.fresh() && in.time == 19*second)

			add(Point{Shape: ShapeGauge, Time: c.first, Number: Integer(7)})
			add(Point{Shape: ShapeGauge, Time: 19 * second, Ended: true})
			require.Equal(t, c.first > 20*second, in.ended != 0)
		})
	}
}

// A sender whose clock is ahead tells starts that are, too: a series older than the table is a baseline
// all the same, and a younger one began when it did by the clock here.
func TestAStartOfAClockThatIsAhead(t *testing.T) {
	s := newSender(Limits{Inputs: 9, Outputs: 9, Stale: 10000, Gap: 10000})
	send := func(now, start, time uint64, n int64) {
		p := sumAt(start+3600, time+3600, n)
		s.Advance(at(now))
		key := Key{3, p.Start}
		in := s.Input(key)
		if in == nil {
			in = s.NewInput(key, s.flow, &p)
		}
		s.flow.Received = now
		if o := s.Output(Key{2}); o == nil {
			s.Bind(in, s.NewOutput(Key{2}, Design{}))
		} else {
			s.Bind(in, o)
		}
		s.Add(in, &p)
	}
	send(150, 50, 150, 1000) // the table began at 100
	assert.Equal(t, uint64(1), s.Stats.Baselines)
	send(160, 120, 160, 7)
	assert.Equal(t, uint64(2), s.Stats.Ahead)
	v, told := s.tell(170)
	require.True(t, told)
	assert.Equal(t, Integer(7), v.Number)
	assert.Equal(t, uint64(120), v.Start)
}

// What was said of a flow holds for its later series: a sender whose clock was set ahead since seems to have
// begun all of it before the table did.
func TestASeriesThatBeginsInAKnownFlow(t *testing.T) {
	const second = uint64(time.Second)
	for name, test := range map[string]struct {
		start uint64
		want  int64
	}{
		"that is new": {1100 * second, 7 + 9},
		"that is old": {900 * second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			table := NewTable(Limits{Inputs: 9, Outputs: 9, Stale: 300 * second}, at(1000*second), false)
			flow := &Flow{}
			add := func(key Key, time uint64, n int64) {
				p := Point{Start: test.start, Time: time, Number: Integer(n)}
				in := table.NewInput(key, flow, &p)
				o := table.Output(Key{1})
				if o == nil {
					o = table.NewOutput(Key{1}, Design{})
				}
				table.Bind(in, o)
				table.Overtaken(flow, time)
				table.Add(in, &p)
			}
			table.Advance(at(1110 * second))
			add(Key{2}, 1110*second, 7)
			table.Advance(at(1120 * second))
			add(Key{3}, (1120+3600)*second, 9)
			assert.Equal(t, Integer(test.want), table.Output(Key{1}).total.Number())
		})
	}
}
