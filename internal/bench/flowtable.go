// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// flowTable prints what the table of flows takes by itself, with as many occupied
// buckets as a long life on a jittery path leaves: 20 in each histogram of round
// trips, 4 in each of windows.
func (b *bench) flowTable() error {
	const flows = 10_000
	before := heap()
	table := flow.NewTable(flow.Limits{Flows: flows, Idle: time.Hour}, flow.Instant{Wall: 1},
		func(id flow.OwnerID) flow.Owner { return flow.Owner{ID: id} })
	interval := func(n, buckets int) {
		addFlows(table, flows, buckets)
		table.Seal(flow.Instant{Wall: uint64(2 + n), Boot: uint64(2 + n)}, flow.Report{}, true)
		table.Commit()
	}
	for n, buckets := range []int{4, 10, 16, 20} {
		interval(n, buckets)
	}
	size := float64(heap()-before) / flows

	start, err := readUsage()
	if err != nil {
		return err
	}
	for n := range b.repetitions {
		interval(n+10, 20)
	}
	end, err := readUsage()
	if err != nil {
		return err
	}
	runtime.KeepAlive(table)
	each := float64(b.repetitions * flows)
	t := newTable(fmt.Sprintf("The table of flows alone: %d flows", flows))
	t.row("heap, bytes a flow", number(size))
	t.row("CPU to add an interval, ns a flow", number(float64((end.cpu-start.cpu).Nanoseconds())/each))
	t.row("objects allocated, a flow and interval", fmt.Sprintf("%.4f", float64(end.objects-start.objects)/each))
	return t.print(b.out)
}

func addFlows(table *flow.Table, flows, buckets int) {
	d := flow.Delta{
		Bytes: [2]uint64{1e6, 1e7}, Segments: [2]uint64{1e4, 1e4}, DataSegments: [2]uint64{1e3, 1e4},
		RTT:           bell(flow.RTTLayout, 50, buckets),
		RTTVariation:  bell(flow.RTTLayout, 40, buckets),
		ReceiveWindow: bell(flow.WindowLayout, 16, min(buckets, 4)),
		SendWindow:    bell(flow.WindowLayout, 16, min(buckets, 4)),
	}
	d.Live[1] = 1
	for n := range flows {
		var remote [4]byte
		binary.BigEndian.PutUint32(remote[:], 10<<24|uint32(n))
		d.Key = flow.Key{
			Owner: flow.OwnerID{Program: 1 + uint32(n)/50, Start: 7},
			Local: netip.AddrFrom4([4]byte{192, 168, 0, 1}), Remote: netip.AddrFrom4(remote),
			RemotePort: 443, Role: flow.RoleClient,
		}
		table.Add(&d)
	}
}

// bell is a distribution over so many buckets around the middle one.
func bell(layout flow.Layout, middle, buckets int) flow.Sample {
	s := flow.Sample{Counts: make([]uint32, layout.Count), Sum: 1e6}
	for i := range buckets {
		s.Counts[middle-buckets/2+i] = uint32(1 + min(i, buckets-1-i))
	}
	return s
}
