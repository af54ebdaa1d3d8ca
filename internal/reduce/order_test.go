// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A clock of a sender that is set back is believed after a minute: the gauges show what is, ends are seen, and deltas
// count again. What is late because it was kept back somewhere does not look like it.
func TestASendersClockIsSetBack(t *testing.T) {
	const second = uint64(time.Second)
	const hours, began = 7200 * second, 10_000 * second
	for name, test := range map[string]struct {
		sent     func(now uint64) uint64
		believed bool
		ended    bool // before
	}{
		"by an hour":             {func(now uint64) uint64 { return now - 3600*second }, true, false},
		"by an hour, after ends": {func(now uint64) uint64 { return now - 3600*second }, true, true},
		"by half a minute":       {func(now uint64) uint64 { return now - 30*second }, true, false},
		"no, a backlog comes":    {func(now uint64) uint64 { return began - 3600*second + (now-began)*8 }, false, false},
		"no, in disorder":        {func(now uint64) uint64 { return began - 3600*second - now%7*second }, false, false},
		"no, a backlog, and a straggler": {func(now uint64) uint64 {
			switch {
			case now == began+10*second:
				return began - 60*second
			case now < began+80*second:
				return began - 10*second
			default:
				return began - 15*second
			}
		}, false, false},
		"no, the same once again": {func(uint64) uint64 { return began - 3600*second }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			table := NewTable(Limits{Inputs: 9, Outputs: 9, Stale: 300 * second, Gap: hours}, at(second), false)
			flow := &Flow{}
			series := func(key Key, p Point) *Input {
				in := table.NewInput(key, flow, &p)
				table.Bind(in, table.NewOutput(key, Design{Shape: p.Shape}))
				return in
			}
			queue, bytes := Point{Shape: ShapeGauge, Number: Integer(1)}, Point{Delta: true, Number: Integer(1)}
			gauge, deltas := series(Key{1}, queue), series(Key{2}, bytes)
			send := func(now, sent uint64, n int64) {
				table.Advance(at(now))
				flow.Received = now
				table.Overtaken(flow, sent)
				queue.Time, queue.Number = sent, Integer(n)
				table.Add(gauge, &queue)
				bytes.Time = sent
				table.Add(deltas, &bytes)
			}
			for now := began - 300*second; now <= began; now += 10 * second {
				send(now, now, 1)
			}
			if test.ended {
				table.Add(gauge, &Point{Shape: ShapeGauge, Ended: true, Time: began + 1})
			}
			before := table.Stats.Forgotten
			for now := began + 10*second; now <= began+90*second; now += 10 * second {
				send(now, test.sent(now), int64(now/second))
			}
			var value Value
			table.Begin(at(began+91*second), nil)
			require.True(t, table.Read(gauge.output, &value))
			if test.believed {
				assert.Equal(t, Integer(int64(began/second)+90), value.Number)
				assert.LessOrEqual(t, table.Stats.Forgotten-before, uint64(7), "for a minute")
				return
			}
			assert.Equal(t, Integer(1), value.Number)
			assert.Zero(t, flow.sets)
		})
	}
}

// An end that is told twice ends what came in between, too.
func TestAnEndThatIsToldAgain(t *testing.T) {
	table := NewTable(Limits{Inputs: 9, Outputs: 9, Stale: 1000}, at(1), false)
	flow := &Flow{}
	p := Point{Shape: ShapeGauge, Number: Integer(3), Time: 10}
	in := table.NewInput(Key{1}, flow, &p)
	table.Bind(in, table.NewOutput(Key{1}, Design{Shape: ShapeGauge}))
	for _, p := range []Point{p, {Shape: ShapeGauge, Ended: true, Time: 20}, {Shape: ShapeGauge, Ended: true, Time: 40}, {Shape: ShapeGauge, Number: Integer(4), Time: 30}} {
		table.Overtaken(flow, p.Time)
		table.Add(in, &p)
	}
	assert.NotZero(t, in.ended)
	assert.Zero(t, in.output.live)
}
