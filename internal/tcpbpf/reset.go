// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

const (
	resetReasons  = 64 // as many as the kernel side counts, with room to spare
	reasonPrefix  = "SK_RST_REASON_"
	unknownReason = "" // the kernel does not tell
)

// resets knows why RSTs were sent, by the kernel's own names.
type resets struct {
	objects *objects
	names   [resetReasons]string
	keys    [drainBatch]tcpwhyResetKey
	counts  [drainBatch]uint32
	byFlow  map[uint64][]flow.ResetReason // of the epoch that was drained last
	last    [resetReasons]uint64          // of no connection, at the last report
}

func newResets(o *objects, p plan) *resets {
	names, err := resetNames()
	p.refuse(needReasons, err)
	return &resets{objects: o, names: names, byFlow: make(map[uint64][]flow.ResetReason)}
}

// resetNames reads the reasons' names, which are no interface either: the user has the
// kernel's own words. Before 6.10 there are none.
func resetNames() (names [resetReasons]string, _ error) {
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		return names, fmt.Errorf("read reasons of resets: %w", err)
	}
	var enum *btf.Enum
	if err := kernel.TypeByName("sk_rst_reason", &enum); err != nil {
		return names, fmt.Errorf("read reasons of resets, which came with Linux 6.10: %w", err)
	}
	for _, v := range enum.Values {
		if v.Value > 0 && v.Value < resetReasons { // 0 is not specified
			names[v.Value] = strings.ToLower(strings.TrimPrefix(v.Name, reasonPrefix))
		}
	}
	return names, nil
}

// drain empties an epoch that no program writes to any more.
func (r *resets) drain(odd bool) error {
	m := r.objects.ResetsEven
	if odd {
		m = r.objects.ResetsOdd
	}
	clear(r.byFlow)
	var cursor ebpf.MapBatchCursor
	for {
		n, err := m.BatchLookupAndDelete(&cursor, r.keys[:], r.counts[:], nil)
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("drain resets: %w", err)
		}
		for i, key := range r.keys[:n] {
			if name := r.name(key.Reason); name != unknownReason {
				r.byFlow[key.FlowId] = append(r.byFlow[key.FlowId], flow.ResetReason{Name: name, Count: uint64(r.counts[i])})
			}
		}
		if err != nil {
			return nil
		}
	}
}

func (r *resets) name(reason uint32) string {
	if reason >= resetReasons {
		return unknownReason
	}
	return r.names[reason]
}

// strays returns the RSTs since the last call that belong to no connection. Those
// without a reason have an empty name.
func (r *resets) strays() (all []flow.ResetReason, err error) {
	for reason, before := range r.last {
		if r.last[reason], err = readSum(r.objects.StrayResets, uint32(reason)); err != nil {
			return nil, fmt.Errorf("read resets: %w", err)
		}
		if n := r.last[reason] - before; n > 0 {
			all = append(all, flow.ResetReason{Name: r.names[reason], Count: n})
		}
	}
	return all, nil
}
