// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"errors"
	"fmt"

	"github.com/tcpwhy/tcpwhy/internal/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/tcpbpf"
	"github.com/tcpwhy/tcpwhy/internal/tcpbpf/floor"
)

// A bill is what one workload cost in the kernel.
type bill struct {
	workload *workload
	readings []reading
	floors   []reading // the same again with the program that returns at once
	realtime bool
}

// cost prints the time that BPF programs take by the kernel's own account. Both
// ends run on one CPU as realtime threads where that is permitted, so that
// nothing but interrupts falls within a program's run.
func (b *bench) cost() error {
	statistics, err := tcpbpf.EnableStatistics()
	if err != nil {
		return err
	}
	defer statistics.Close()
	var bills []*bill
	for _, w := range workloads {
		bill, err := b.bill(w)
		if err != nil {
			return err
		}
		bills = append(bills, bill)
	}
	return errors.Join(b.printUnits(bills), b.printPrograms(bills))
}

func (b *bench) bill(w *workload) (*bill, error) {
	bill := &bill{workload: w}
	err := attached(everything(), func(k kernel) (err error) {
		if bill.readings, err = b.readings(counter{kernel: k}, bill); err != nil {
			return err
		}
		root, err := cgroup.Root()
		if err != nil {
			return err
		}
		f, err := floor.Open(root)
		if err != nil {
			return fmt.Errorf("attach floor: %w", err)
		}
		defer f.Close()
		bill.floors, err = b.readings(counter{k, f}, bill)
		return err
	})
	return bill, err
}

// readings repeats a workload with a fixed number of operations.
func (b *bench) readings(c counter, bill *bill) (all []reading, err error) {
	at := placement{server: b.cpus[1], client: b.cpus[1], realtime: true}
	conversation, err := newConversation(bill.workload, at, 1)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conversation.end()) }()
	bill.realtime = conversation.client.Realtime && conversation.server.Realtime
	for range 1 + b.repetitions {
		r, err := c.during(func() error {
			_, err := conversation.client.do(task{Count: bill.workload.count})
			return err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, r)
		// A new interval, as it would come each ten seconds.
		if err := c.kernel.discard(); err != nil {
			return nil, err
		}
	}
	return all[1:], nil // the first one warmed up
}

// units is how many units a run has.
func (b *bill) units() float64 { return float64(b.workload.count) / b.workload.scale }

func (b *bench) printUnits(bills []*bill) error {
	t := newTable(fmt.Sprintf("BPF time by the kernel's run statistics, both ends together: smallest / median of %d runs, ns", b.repetitions),
		"per", "BPF", "of it statistics", "without", "sock_ops runs", "tcp_destroy runs")
	for _, bill := range bills {
		total := bill.spread(bill.readings, reading.callbackTime)
		statistics := bill.statistics()
		t.row(bill.workload.unit, total.String(), statistics.String(), total.less(statistics),
			number(median(bill.runs(tcpbpf.ProgramSockOps))), number(median(bill.runs(tcpbpf.ProgramDestroy))))
		if !bill.realtime {
			t.note("%s: without SCHED_FIFO, which the system does not permit", bill.workload.name)
		}
	}
	t.note("statistics: what a program that returns at once takes, times the runs")
	return t.print(b.out)
}

// spread is a figure of each reading, by the unit.
func (b *bill) spread(readings []reading, figure func(reading) float64) spread {
	return spreadOf(readings, func(r reading) float64 { return figure(r) / b.units() })
}

// runs is how often a program ran, by the unit.
func (b *bill) runs(name string) spread {
	return b.spread(b.readings, func(r reading) float64 { return float64(r[name].runs) })
}

// statistics is what statistics add to the time of a unit, in ns.
func (b *bill) statistics() (s spread) {
	runs := median(b.runs(tcpbpf.ProgramSockOps)) + median(b.runs(tcpbpf.ProgramDestroy))
	for _, mean := range b.floorMean() {
		s = append(s, mean*runs)
	}
	return s
}

func (b *bill) floorMean() spread {
	return spreadOf(b.floors, func(r reading) float64 { return r[floorName].mean() })
}

func (b *bench) printPrograms(bills []*bill) error {
	t := newTable("Mean BPF time of a run: smallest / median, ns", "workload", "sock_ops", "tcp_destroy", "returns at once")
	for _, bill := range bills {
		mean := func(name string) string {
			return spreadOf(bill.readings, func(r reading) float64 { return r[name].mean() }).String()
		}
		destroy := "–"
		if !bill.workload.connected {
			destroy = mean(tcpbpf.ProgramDestroy)
		}
		t.row(bill.workload.name, mean(tcpbpf.ProgramSockOps), destroy, bill.floorMean().String())
	}
	t.note("sock_ops of ping-pong and stream is the callback of a round trip")
	return t.print(b.out)
}
