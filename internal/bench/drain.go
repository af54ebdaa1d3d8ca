// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/tcpbpf"
)

// drain prints how long it takes to read flows out of the kernel, by flows that
// hold no socket any more.
func (b *bench) drain() error {
	t := newTable("A collection without open sockets", "flows", "drain ms", "ns a flow", "swap ms", "sweep ms")
	for _, flows := range []int{0, 1000, 10_000, 64_000} {
		repetitions := max(3, b.repetitions*1000/max(flows, 1000)) // each flow costs a connection
		if err := attached(defaults, func(k kernel) error { return drainRow(t, k, flows, repetitions) }); err != nil {
			return err
		}
	}
	t.note("without a flow: what it takes to look through an empty map of 65,536 flows")
	return t.print(b.out)
}

func drainRow(t *table, k kernel, flows, repetitions int) error {
	var all timings
	found := 0
	for range repetitions {
		if err := makeFlows(flows); err != nil {
			return err
		}
		var err error
		if found, err = k.collect(); err != nil {
			return err
		}
		all = append(all, k.Timing())
	}
	drain := all.median(func(t tcpbpf.Timing) time.Duration { return t.Drain })
	each := "–"
	if found > 0 {
		each = number(drain / float64(found))
	}
	t.row(fmt.Sprint(found), number(drain/1e6), each,
		number(all.median(func(t tcpbpf.Timing) time.Duration { return t.Swap })/1e6),
		number(all.median(func(t tcpbpf.Timing) time.Duration { return t.Sweep })/1e6))
	return nil
}

// makeFlows opens and closes connections to as many addresses as it takes: each
// is a flow at either end.
func makeFlows(flows int) (err error) {
	if flows == 0 {
		return nil
	}
	w := findWorkload("connect, request, close")
	c, err := newConversation(w, placement{server: -1, client: -1}, flows/2)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.end()) }()
	_, err = c.client.do(task{Count: flows / 2})
	return err
}
