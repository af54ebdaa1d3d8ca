// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"context"
	"fmt"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// An epoch is the interval in which programs write to one of two sets of maps.
// next makes them write to the other one, and returns when no program that
// still writes to the old one is left.
type epoch struct {
	control *ebpf.Map // tells programs
	outer   *ebpf.Map // only there to be written to, see next
	inner   *ebpf.Map
	now     tcpwhyControl
	started int64 // ticks: when the last sweep began
}

func newEpoch(control *ebpf.Map) (*epoch, error) {
	spec := &ebpf.MapSpec{Name: "tcpwhy_inner", Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1}
	inner, err := ebpf.NewMap(spec)
	if err != nil {
		return nil, fmt.Errorf("create barrier: %w", err)
	}
	outer, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: "tcpwhy_outer", Type: ebpf.ArrayOfMaps, KeySize: 4, ValueSize: 4, MaxEntries: 1, InnerMap: spec,
	})
	if err != nil {
		inner.Close()
		return nil, fmt.Errorf("create barrier: %w", err)
	}
	e := &epoch{control: control, outer: outer, inner: inner, started: ticks()}
	e.now.Started, e.now.Previous = uint32(e.started), uint32(e.started)
	return e, nil
}

// odd says which set of maps is written to.
func (e *epoch) odd() bool { return e.now.Epoch%2 == 1 }

// sweep begins the next sweep. Its time is told before its number: in between, a
// connection that closes looks as if no sweep had counted it yet, and that of the old
// number is drained already.
func (e *epoch) sweep() error {
	// Whoever is visited or opened in this tick was before. Two sweeps never
	// begin in one.
	e.started = max(e.started, ticks()) + 1
	e.now.Previous, e.now.Started = e.now.Started, uint32(e.started)
	if err := e.publish(); err != nil {
		return err
	}
	e.now.Sweep++
	return e.publish()
}

// begun returns once the tick has come with which the sweep begins, or ctx's error.
func (e *epoch) begun(ctx context.Context) error {
	for ticks() < e.started {
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// ticks is the kernel side's short clock, in units of 2^14 ns. The kernel side has its
// lower 32 bits: they tell before from after as long as less than nine hours, exactly
// 2^31 ticks, lie between, and so between two sweeps.
func ticks() int64 {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // it cannot fail
	return now.Nano() >> 14
}

// next begins the next epoch.
//
// An update of an array of maps waits for an RCU grace period
// (maybe_wait_bpf_programs in kernel/bpf/syscall.c, since 4.19 and 1ae80cf31938):
// our programs run within RCU read-side sections, so none that has seen the old
// epoch is left afterwards. membarrier(MEMBARRIER_CMD_GLOBAL) waits as well, but
// not on kernels booted with nohz_full, nor with one CPU.
func (e *epoch) next() error {
	e.now.Epoch++
	if err := e.publish(); err != nil {
		return err
	}
	if err := e.outer.Put(uint32(0), e.inner); err != nil {
		return fmt.Errorf("wait for programs: %w", err)
	}
	return nil
}

func (e *epoch) publish() error {
	if err := e.control.Put(uint32(0), &e.now); err != nil {
		return fmt.Errorf("publish epoch: %w", err)
	}
	return nil
}

func (e *epoch) Close() error {
	return closeAll([]*ebpf.Map{e.outer, e.inner})
}
