// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// drainBatch is how many entries one system call moves at first.
const drainBatch = 256

// A drain empties the maps of an epoch that no program writes to any more.
type drain struct {
	objects *objects
	resets  *resets
	ids     []uint64
	owners  []tcpwhyOwnerKey
	flows   []tcpwhyFlow // as many as each of these
	sweep   uint32
	delta   flow.Delta
	noFlow  tcpwhyFlow

	flowsFill, overflowFill uint32 // entries of the last epoch
}

func newDrain(o *objects, r *resets) *drain {
	d := &drain{objects: o, resets: r}
	d.grow(drainBatch)
	return d
}

// grow makes room for so many entries at once.
func (d *drain) grow(batch int) {
	d.ids, d.owners, d.flows = make([]uint64, batch), make([]tcpwhyOwnerKey, batch), make([]tcpwhyFlow, batch)
}

// run hands each flow of the epoch to visit and deletes it.
func (d *drain) run(odd bool, sweep uint32, visit func(*flow.Delta)) error {
	flows, overflow, slot := d.objects.FlowsEven, d.objects.OverflowEven, uint32(0)
	if odd {
		flows, overflow, slot = d.objects.FlowsOdd, d.objects.OverflowOdd, 1
	}
	d.sweep = sweep
	if err := d.resets.drain(odd); err != nil {
		return err
	}
	var err error
	explain := func(i int) []flow.ResetReason { return d.resets.byFlow[d.ids[i]] }
	if d.flowsFill, err = d.hash(flows, func() any { return d.ids }, explain, visit); err != nil {
		return fmt.Errorf("drain flows: %w", err)
	}
	if d.overflowFill, err = d.hash(overflow, func() any { return d.owners }, unexplained, visit); err != nil {
		return fmt.Errorf("drain overflow: %w", err)
	}
	if err := d.rest(slot, visit); err != nil {
		return fmt.Errorf("drain rest: %w", err)
	}
	return nil
}

// hash drains a map and returns how many entries it had. The kernel moves whole hash
// buckets, and answers ENOSPC where one holds more than there is room for.
func (d *drain) hash(
	m *ebpf.Map, keys func() any, explain func(i int) []flow.ResetReason, visit func(*flow.Delta),
) (entries uint32, _ error) {
	cursor := new(ebpf.MapBatchCursor)
	for {
		n, err := m.BatchLookupAndDelete(cursor, keys(), d.flows, nil)
		if errors.Is(err, unix.ENOSPC) {
			d.grow(2 * len(d.flows))
			cursor = new(ebpf.MapBatchCursor) // what came before is deleted
			continue
		}
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return entries, err
		}
		for i := range n {
			d.visit(&d.flows[i], explain(i), visit)
		}
		entries += uint32(n)
		if err != nil {
			return entries, nil
		}
	}
}

func (d *drain) rest(slot uint32, visit func(*flow.Delta)) error {
	f := &d.flows[0]
	if err := d.objects.Rest.Lookup(slot, f); err != nil {
		return err
	}
	if *f == d.noFlow {
		return nil
	}
	if err := d.objects.Rest.Put(slot, &d.noFlow); err != nil {
		return err
	}
	f.Key.Overflow = 1
	d.visit(f, nil, visit)
	return nil
}

// unexplained is what overflow flows have: the kernel side keeps reasons by flow.
func unexplained(int) []flow.ResetReason { return nil }

func (d *drain) visit(f *tcpwhyFlow, reasons []flow.ResetReason, visit func(*flow.Delta)) {
	decode(&d.delta, f, d.sweep)
	d.delta.ResetReasons = reasons
	visit(&d.delta)
}
