// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
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
	now := tcpwhyControl{Started: ticks(), Previous: ticks()}
	return &epoch{control: control, outer: outer, inner: inner, now: now}, nil
}

// odd says which set of maps is written to.
func (e *epoch) odd() bool { return e.now.Epoch%2 == 1 }

// sweep begins the next sweep. Its time is told before its number: in between, a
// connection that closes looks as if no sweep had counted it yet, and that of the old
// number is drained already.
func (e *epoch) sweep() error {
	e.now.Previous = e.now.Started
	// Whoever is visited or opened in this tick was before. Two sweeps never
	// begin in one.
	e.now.Started++
	if now := ticks() + 1; int32(now-e.now.Started) > 0 {
		e.now.Started = now
	}
	if err := e.publish(); err != nil {
		return err
	}
	e.now.Sweep++
	return e.publish()
}

// ticks is the kernel side's short clock, in units of 2^14 ns.
func ticks() uint32 {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // it cannot fail
	return uint32(now.Nano() >> 14)
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
