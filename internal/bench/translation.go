// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"

	"github.com/tcpwhy/tcpwhy/internal/conntrack"
)

// translation prints what one translated connection takes in user space: its entry comes,
// it is asked for from either end, it ends and is forgotten.
func (b *bench) translation() error {
	const entries = 65536 // the default of nat::max_entries
	all := make([]conntrack.Entry, entries)
	for i := range all {
		all[i] = entryNumber(i)
	}
	table := conntrack.NewTable(entries)
	before := heap()
	steps := []struct {
		what string
		do   func(round uint64, e conntrack.Entry)
	}{
		{"it begins", func(at uint64, e conntrack.Entry) { table.Add(1, e, at, at) }},
		{"asked for by its client", func(at uint64, e conntrack.Entry) {
			table.Follow(conntrack.Question{Seen: e.Before, From: at, To: at})
		}},
		{"asked for by its server", func(at uint64, e conntrack.Entry) {
			table.Trace(conntrack.Question{Seen: e.After, From: at, To: at})
		}},
		{"it ends", func(at uint64, e conntrack.Entry) { table.End(1, e, at+1) }},
		{"it is forgotten", nil},
	}
	costs := make([][]float64, len(steps))
	var size float64
	for round := range b.repetitions {
		at := uint64(10 * (round + 1))
		for n, step := range steps {
			var used usage
			if err := used.measure(func() error {
				if step.do == nil {
					table.Forget(at + 5)
					return nil
				}
				for _, e := range all {
					step.do(at, e)
				}
				return nil
			}); err != nil {
				return err
			}
			costs[n] = append(costs[n], float64(used.cpu.Nanoseconds())/entries)
			if n == 0 {
				size = float64(heap()-before) / entries
			}
		}
	}
	runtime.KeepAlive(all)
	t := newTable(fmt.Sprintf("Translations: %d connections behind a virtual address", entries))
	for n, step := range steps {
		t.row(step.what+", CPU, ns", number(median(costs[n])))
	}
	t.row("heap, bytes a connection", number(size))
	return t.print(b.out)
}

// entryNumber is a connection through a router that translates both addresses.
func entryNumber(i int) conntrack.Entry {
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], 10<<24+uint32(i))
	client := netip.AddrPortFrom(netip.AddrFrom4(a), 40000)
	router := netip.AddrPortFrom(netip.MustParseAddr("10.255.0.1"), uint16(i))
	return conntrack.Entry{
		Before: conntrack.Tuple{Source: client, Destination: netip.MustParseAddrPort("10.96.0.1:80")},
		After:  conntrack.Tuple{Source: router, Destination: netip.MustParseAddrPort("10.1.0.1:8080")},
	}
}
