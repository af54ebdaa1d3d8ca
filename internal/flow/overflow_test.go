// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

func bytesByKey(table *flow.Table) map[flow.Key]uint64 {
	bytes := map[flow.Key]uint64{}
	for _, group := range table.Groups() {
		for _, f := range group.Flows {
			bytes[f.Key] = f.Bytes[flow.Transmit]
		}
	}
	return bytes
}

func overflow(pid uint32) flow.Key {
	return flow.Key{Owner: key(pid, 0).Owner, Overflow: true}
}

func TestOverflowFallsBackToTheOwnerAndThenToAll(t *testing.T) {
	table := newTable(flow.Limits{Flows: 2, Overflows: 1, Idle: idle})
	for range 2 {
		table.Add(delta(key(1, 80), 1)) // own
		table.Add(delta(key(1, 81), 1)) // own
		table.Add(delta(key(1, 82), 1)) // overflow of 1
		table.Add(delta(key(1, 83), 1)) // overflow of 1
		table.Add(delta(key(2, 80), 1)) // overflow of all
		table.Add(delta(overflow(1), 1))
		table.Add(delta(overflow(3), 1)) // overflow of all
	}
	assert.Equal(t, map[flow.Key]uint64{
		key(1, 80):       2,
		key(1, 81):       2,
		overflow(1):      6,
		{Overflow: true}: 4,
	}, bytesByKey(table))
	table.Seal(at(1), flow.Report{}, true)
	assert.Equal(t, flow.Stats{Flows: 2, Overflows: 2, Connections: 14}, table.Stats())
}

func TestAFlowLeavesTheOverflowWhenThereIsRoom(t *testing.T) {
	table := newTable(flow.Limits{Flows: 1, Overflows: 1})
	table.Add(delta(key(1, 80), 0))
	table.Add(delta(key(1, 81), 1))
	for second := range uint64(3) { // totals, last totals, mark of the end
		table.Seal(at(second+1), flow.Report{}, true)
		table.Commit()
		table.Add(delta(key(1, 81), 1))
	}
	assert.Equal(t, map[flow.Key]uint64{overflow(1): 3, key(1, 81): 1}, bytesByKey(table))
	table.Seal(at(4), flow.Report{}, true)
	for _, f := range table.Groups()[0].Flows {
		assert.Equal(t, !f.Key.Overflow, f.Connections() == 1)
		if !f.Key.Overflow {
			assert.Equal(t, at(3).Wall, f.Start, "its earlier connections are counted elsewhere")
		}
	}
}

func TestOverflowShowsInTheReport(t *testing.T) {
	table := newTable(flow.Limits{Flows: 1, Overflows: 1})
	table.Add(delta(key(1, 80), 5))
	d := delta(key(1, 81), 3)
	d.Opened = 2
	d.Closed[flow.CloseFIN] = 1
	table.Add(d)
	table.Add(delta(overflow(2), 7)) // the kernel reported these itself

	got := table.Seal(at(1), flow.Report{Described: 9, Missed: 7}, true)
	want := flow.Report{Described: 5, Missed: 11}
	want.Lost[flow.LostOverflow] = 2
	assert.Equal(t, want, got)

	table.Add(delta(key(1, 80), 5))
	assert.Equal(t, flow.Report{Described: 5}, table.Seal(at(2), flow.Report{Described: 5}, true))
}

// The kernel side counts connections as missed for reasons of its own, too: what
// the table adds never exceeds what the kernel described.
func TestAReportNeverDescribesLessThanNothing(t *testing.T) {
	table := newTable(flow.Limits{})
	table.Add(delta(key(1, 80), 5))
	got := table.Seal(at(1), flow.Report{Described: 3, Missed: 4}, true)
	assert.Equal(t, flow.Report{Missed: 7}, got)
	assert.Zero(t, got.Coverage())
}
