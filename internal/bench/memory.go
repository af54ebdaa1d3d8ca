// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"

	"github.com/tcpwhy/tcpwhy/internal/tcpbpf"
)

// memory prints what the kernel side takes of the kernel's memory.
func (b *bench) memory() error {
	if err := b.memoryOfSockets(); err != nil {
		return err
	}
	return b.memoryOfFlows()
}

// memoryOfSockets compares the slabs of as many sockets without and with a
// record in each.
func (b *bench) memoryOfSockets() error {
	const sockets = 20_000
	t := newTable(fmt.Sprintf("Kernel memory of a tracked socket, over that of a socket alone: %d sockets, few flows", sockets))
	without, err := slabsOfSockets(sockets)
	if err != nil {
		return err
	}
	return attached(defaults, func(k kernel) error {
		conns, err := k.mapStatistics(tcpbpf.MapConns)
		if err != nil {
			return err
		}
		with, err := slabsOfSockets(sockets)
		if err != nil {
			return err
		}
		t.row("value in the socket, bytes", fmt.Sprint(conns.ValueSize))
		with.less(without).rows(t, "a socket")
		return t.print(b.out)
	})
}

func slabsOfSockets(sockets int) (g growth, err error) {
	before, err := readSlabs()
	if err != nil {
		return nil, err
	}
	err = withCrowd(sockets/2, fewAddresses, func(*crowd) error {
		after, err := readSlabs()
		g = after.grown(before, sockets)
		return err
	})
	return g, err
}

// memoryOfFlows looks at the map before and after flows came.
func (b *bench) memoryOfFlows() error {
	const flows = 10_000
	t := newTable(fmt.Sprintf("Kernel memory of a flow in an epoch: %d flows", flows))
	return attached(defaults, func(k kernel) error {
		empty, err := k.mapStatistics(tcpbpf.MapFlowsEven)
		if err != nil {
			return err
		}
		before, err := readSlabs()
		if err != nil {
			return err
		}
		if err := makeFlows(flows); err != nil {
			return err
		}
		after, err := readSlabs()
		if err != nil {
			return err
		}
		full, err := k.mapStatistics(tcpbpf.MapFlowsEven)
		if err != nil {
			return err
		}
		t.row("key and value, bytes", fmt.Sprintf("%d + %d", empty.KeySize, empty.ValueSize))
		t.row(fmt.Sprintf("map of at most %d, empty, bytes", empty.MaxEntries), fmt.Sprint(empty.Memory))
		t.row("map with flows, bytes", fmt.Sprint(full.Memory))
		t.row("map, bytes a flow", number(float64(full.Memory-empty.Memory)/flows))
		after.grown(before, flows).rows(t, "a flow")
		t.note("map: as the kernel accounts it; there are two, and what is drained is given back")
		return t.print(b.out)
	})
}
