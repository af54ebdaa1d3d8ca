// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// drainBatch is how many entries one system call moves; a hash bucket that holds
// more makes the kernel answer ENOSPC.
const drainBatch = 256

// A drain empties the maps of an epoch that no program writes to any more.
type drain struct {
	objects *objects
	ids     [drainBatch]uint64
	owners  [drainBatch]tcpwhyOwnerKey
	flows   [drainBatch]tcpwhyFlow
	sweep   uint32
	delta   flow.Delta
	noFlow  tcpwhyFlow

	flowsFill, overflowFill uint32 // entries of the last epoch
}

func newDrain(o *objects) *drain { return &drain{objects: o} }

// run hands each flow of the epoch to visit and deletes it.
func (d *drain) run(odd bool, sweep uint32, visit func(*flow.Delta)) error {
	flows, overflow, slot := d.objects.FlowsEven, d.objects.OverflowEven, uint32(0)
	if odd {
		flows, overflow, slot = d.objects.FlowsOdd, d.objects.OverflowOdd, 1
	}
	d.sweep = sweep
	var err error
	if d.flowsFill, err = d.hash(flows, d.ids[:], visit); err != nil {
		return fmt.Errorf("drain flows: %w", err)
	}
	if d.overflowFill, err = d.hash(overflow, d.owners[:], visit); err != nil {
		return fmt.Errorf("drain overflow: %w", err)
	}
	if err := d.rest(slot, visit); err != nil {
		return fmt.Errorf("drain rest: %w", err)
	}
	return nil
}

// hash drains a map and returns how many entries it had.
func (d *drain) hash(m *ebpf.Map, keys any, visit func(*flow.Delta)) (entries uint32, _ error) {
	var cursor ebpf.MapBatchCursor
	for {
		n, err := m.BatchLookupAndDelete(&cursor, keys, d.flows[:], nil)
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return entries, err
		}
		for i := range n {
			d.visit(&d.flows[i], visit)
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
	d.visit(f, visit)
	return nil
}

func (d *drain) visit(f *tcpwhyFlow, visit func(*flow.Delta)) {
	decode(&d.delta, f, d.sweep)
	visit(&d.delta)
}
