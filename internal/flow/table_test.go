// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

const (
	established = 1
	finWait1    = 4

	idle = 20 * time.Second
)

var limits = flow.Limits{Flows: 100, Overflows: 10, Idle: idle}

// at is a moment so many seconds after the table's beginning. The clocks differ
// by a thousand seconds.
func at(seconds uint64) flow.Instant {
	return flow.Instant{Wall: 5000e9 + seconds*1e9, Boot: 4000e9 + seconds*1e9}
}

func newTable(limits flow.Limits) *flow.Table {
	return flow.NewTable(limits, at(0), func(id flow.OwnerID) flow.Owner {
		return flow.Owner{ID: id, Executable: "curl"}
	})
}

// key is the n-th flow of a process.
func key(pid uint32, n uint16) flow.Key {
	return flow.Key{
		Owner:      flow.OwnerID{Program: pid, Start: 7},
		Local:      netip.MustParseAddr("10.0.0.1"),
		Remote:     netip.MustParseAddr("10.0.0.2"),
		RemotePort: n,
		Role:       flow.RoleClient,
	}
}

// delta is an interval in which a flow sent one byte over open connections.
func delta(key flow.Key, open uint32) *flow.Delta {
	d := flow.Delta{Key: key}
	d.Bytes[flow.Transmit] = 1
	d.Live[established] = open
	return &d
}

func only(t *testing.T, table *flow.Table) *flow.Flow {
	t.Helper()
	require.Len(t, table.Groups(), 1)
	require.Len(t, table.Groups()[0].Flows, 1)
	return table.Groups()[0].Flows[0]
}

func TestDeltasAddUp(t *testing.T) {
	table := newTable(limits)
	d := flow.Delta{
		Key: key(1, 80), Bytes: [2]uint64{1, 2}, Segments: [2]uint64{3, 4}, DataSegments: [2]uint64{5, 6},
		Trouble: flow.Trouble{Retransmits: [flow.NumRetransmitKinds]uint64{7}, Stalls: 17},
		Time:    [flow.NumPhases]uint64{18, 19, 20, 21}, Exchanges: 22, Opened: 8, Closed: [flow.NumCloseReasons]uint64{9, 10, 11, 12},
		RTT:           flow.Sample{Sum: 13},
		RTTVariation:  flow.Sample{Sum: 14},
		ReceiveWindow: flow.Sample{Sum: 15},
		SendWindow:    flow.Sample{Sum: 16},
	}
	for range 3 {
		table.Add(&d)
		table.Seal(at(1), flow.Report{}, true)
	}
	f := only(t, table)
	assert.Equal(t, d.Key, f.Key)
	assert.Equal(t, [2]uint64{3, 6}, f.Bytes)
	assert.Equal(t, [2]uint64{9, 12}, f.Segments)
	assert.Equal(t, [2]uint64{15, 18}, f.DataSegments)
	assert.EqualValues(t, 21, f.Trouble.Retransmits[flow.RetransmitUnknown])
	assert.EqualValues(t, 51, f.Trouble.Stalls)
	assert.Equal(t, [flow.NumPhases]uint64{54, 57, 60, 63}, f.Time)
	assert.EqualValues(t, 66, f.Exchanges)
	assert.EqualValues(t, 24, f.Opened)
	assert.Equal(t, [flow.NumCloseReasons]uint64{27, 30, 33, 36}, f.Closed)
	assert.EqualValues(t, 39, f.RTT.Sum())
	assert.EqualValues(t, 42, f.RTTVariation.Sum())
	assert.EqualValues(t, 45, f.ReceiveWindow.Sum())
	assert.EqualValues(t, 48, f.SendWindow.Sum())
}

func TestOpenConnectionsAreThoseOfTheInterval(t *testing.T) {
	table := newTable(limits)
	d := delta(key(1, 80), 3)
	d.Live[finWait1] = 1
	table.Add(d)
	table.Seal(at(1), flow.Report{}, true)
	assert.EqualValues(t, 4, only(t, table).Connections())

	table.Add(delta(key(1, 80), 2))
	table.Seal(at(2), flow.Report{}, true)
	assert.EqualValues(t, 2, only(t, table).Connections())
	assert.EqualValues(t, 1<<established|1<<finWait1, only(t, table).States)

	table.Seal(at(3), flow.Report{}, true)
	assert.Zero(t, only(t, table).Connections())
	assert.Zero(t, table.Stats().Connections)
}

func TestAnIncompleteIntervalKeepsWhatItDidNotSee(t *testing.T) {
	table := newTable(limits)
	table.Add(delta(key(1, 80), 3))
	table.Seal(at(1), flow.Report{}, true)
	table.Commit()

	table.Seal(at(1+2*uint64(idle/time.Second)), flow.Report{}, false)
	table.Commit()
	assert.EqualValues(t, 3, only(t, table).Connections())
	assert.False(t, only(t, table).Ended())
}

func TestInternalStatesCountUnderTheirNames(t *testing.T) {
	table := newTable(limits)
	d := flow.Delta{Key: key(1, 80)}
	for state := range d.Live[1:] {
		d.Live[1+state] = 1
	}
	table.Add(&d)
	want := [flow.NumLive]uint32{0, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1, 1}
	assert.Equal(t, want, only(t, table).Live)
}

func TestOwnerIsAskedOnce(t *testing.T) {
	asked := 0
	table := flow.NewTable(limits, at(0), func(id flow.OwnerID) flow.Owner {
		asked++
		return flow.Owner{ID: id, Executable: "curl"}
	})
	for second := range uint64(3) {
		table.Add(delta(key(1, 80), 1))
		table.Add(delta(key(1, 81), 1))
		table.Seal(at(second+1), flow.Report{}, true)
	}
	require.Len(t, table.Groups(), 1)
	assert.Len(t, table.Groups()[0].Flows, 2)
	assert.Equal(t, flow.Owner{ID: key(1, 0).Owner, Executable: "curl"}, table.Groups()[0].Owner)
	assert.Equal(t, 1, asked)
}

// Whatever comes, and whether exports succeed or not, the sum over all live
// flows and those that ended is the sum of all deltas.
func TestTotalsAreExact(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 2))
		table := newTable(flow.Limits{Flows: 20, Overflows: 3, Idle: 3 * time.Second})
		var added, forgotten uint64
		for second := range uint64(60) {
			for range random.IntN(40) {
				d := delta(key(random.Uint32N(8), uint16(random.IntN(8))), random.Uint32N(2))
				d.Bytes[flow.Transmit] = random.Uint64N(1000)
				d.Key.Overflow = random.IntN(20) == 0
				table.Add(d)
				added += d.Bytes[flow.Transmit]
			}
			table.Seal(at(second+1), flow.Report{}, true)
			before := sumBytes(table)
			require.Equal(t, added, before+forgotten)
			if random.IntN(3) > 0 {
				table.Commit()
			}
			forgotten += before - sumBytes(table)
			require.LessOrEqual(t, table.Stats().Flows, 20)
			require.LessOrEqual(t, table.Stats().Overflows, 4)
		}
		require.NotZero(t, forgotten)
	}
}

func sumBytes(table *flow.Table) (sum uint64) {
	for _, group := range table.Groups() {
		for _, f := range group.Flows {
			sum += f.Bytes[flow.Transmit]
		}
	}
	return sum
}
