// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// A step is one interval in a flow's life.
type step struct {
	second uint64
	delta  *flow.Delta // nil: the flow does not appear
	fails  bool        // the export is not accepted
	want   string      // what is exported
}

func (s step) run(table *flow.Table) string {
	if s.delta != nil {
		table.Add(s.delta)
	}
	table.Seal(at(s.second), flow.Report{}, true)
	exported := export(table)
	if !s.fails {
		table.Commit()
	}
	return exported
}

func export(table *flow.Table) string {
	if len(table.Groups()) == 0 {
		return "nothing"
	}
	if table.Groups()[0].Flows[0].Ended() {
		return "end"
	}
	return "totals"
}

func TestLifeOfAFlow(t *testing.T) {
	live, quiet := delta(key(1, 80), 1), delta(key(1, 80), 0)
	for name, steps := range map[string][]step{
		"a flow with an open connection never ends": {
			{second: 1, delta: live, want: "totals"},
			{second: 1000, delta: live, want: "totals"},
			{second: 2000, delta: live, want: "totals"},
		},
		"last totals after the idle time, then the mark, then nothing": {
			{second: 1, delta: live, want: "totals"},
			{second: 20, want: "totals"},
			{second: 21, want: "totals"},
			{second: 22, want: "end"},
			{second: 23, want: "nothing"},
		},
		"a flow that comes back in time goes on": {
			{second: 1, delta: quiet, want: "totals"},
			{second: 20, delta: quiet, want: "totals"},
			{second: 39, want: "totals"},
			{second: 40, want: "totals"},
			{second: 41, want: "end"},
		},
		"last totals are repeated until they are accepted": {
			{second: 1, delta: quiet, want: "totals"},
			{second: 21, fails: true, want: "totals"},
			{second: 22, fails: true, want: "totals"},
			{second: 23, want: "totals"},
			{second: 24, want: "end"},
		},
		"the mark of the end is repeated until it is accepted": {
			{second: 1, delta: quiet, want: "totals"},
			{second: 21, want: "totals"},
			{second: 22, fails: true, want: "end"},
			{second: 23, fails: true, want: "end"},
			{second: 24, want: "end"},
			{second: 25, want: "nothing"},
		},
		"a flow that comes back between last totals and mark goes on": {
			{second: 1, delta: quiet, want: "totals"},
			{second: 21, want: "totals"},
			{second: 22, delta: live, want: "totals"},
			{second: 23, want: "totals"},
		},
		"a flow that comes back while nobody accepts the mark goes on": {
			{second: 1, delta: quiet, want: "totals"},
			{second: 21, want: "totals"},
			{second: 22, fails: true, want: "end"},
			{second: 23, delta: live, want: "totals"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			table := newTable(limits)
			for _, s := range steps {
				assert.Equal(t, s.want, s.run(table), "second %d", s.second)
			}
		})
	}
}

func TestAFlowWithoutIdleTimeEndsWhenItIsNotSeen(t *testing.T) {
	table := newTable(flow.Limits{Flows: 1})
	for _, s := range []step{
		{second: 1, delta: delta(key(1, 80), 0), want: "totals"},
		{second: 1, want: "totals"},
		{second: 1, want: "end"},
		{second: 1, want: "nothing"},
	} {
		assert.Equal(t, s.want, s.run(table))
	}
	assert.Zero(t, table.Stats())
}

func TestAStepOfTheWallClockEndsNoFlow(t *testing.T) {
	table := newTable(limits)
	step{second: 1, delta: delta(key(1, 80), 0)}.run(table)
	now := at(2)
	now.Wall += uint64(time.Hour)
	table.Seal(now, flow.Report{}, true)
	table.Commit()
	table.Seal(at(3), flow.Report{}, true)
	assert.Equal(t, "totals", export(table))
}
