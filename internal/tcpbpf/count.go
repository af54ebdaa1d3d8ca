// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"fmt"

	"github.com/cilium/ebpf"
)

// Names of what a look at open files notes.
const (
	SearchPorts   = "ports"
	SearchHolders = "holders"
)

// Counts are what the kernel side counted since it was opened that takes no connection
// out of the totals.
type Counts struct {
	Excluded   uint64 // ends of connections that the configuration leaves out
	Collisions uint64 // folds sent to overflow: another flow has the same hash
	Attempts   uint64 // calls of connect that are not noted, for want of memory: one without route or port is told nowhere
	NotApart   uint64 // connections whose peer may stand for somebody else: too many to tell apart, or their end is not known
	Deferred   uint64 // folds put off: no memory for the flow's entry for the moment
	Ports      uint64 // of older listeners without room: what they accepted looks like a client's
	Reasons    uint64 // of RSTs, without room or memory: they are sent for a reason that is not told
	Holders    uint64 // of listeners without room: no listener changes hands until the next look
}

// Counts reads them.
func (k *Kernel) Counts() (c Counts, err error) {
	for stat, count := range map[tcpwhyStat]*uint64{
		tcpwhyStatSTAT_EXCLUDED:       &c.Excluded,
		tcpwhyStatSTAT_FLOW_COLLISION: &c.Collisions,
		tcpwhyStatSTAT_NO_ATTEMPT:     &c.Attempts,
		tcpwhyStatSTAT_NOT_APART:      &c.NotApart,
		tcpwhyStatSTAT_FLOW_RETRY:     &c.Deferred,
		tcpwhyStatSTAT_PORT_FULL:      &c.Ports,
		tcpwhyStatSTAT_RESET_FULL:     &c.Reasons,
		tcpwhyStatSTAT_HOLDER_FULL:    &c.Holders,
	} {
		if *count, err = readStat(k.objects.Stats, stat); err != nil {
			return Counts{}, err
		}
	}
	return c, nil
}

func readStat(m *ebpf.Map, stat tcpwhyStat) (uint64, error) {
	sum, err := readSum(m, uint32(stat))
	if err != nil {
		return 0, fmt.Errorf("read statistic %d: %w", stat, err)
	}
	return sum, nil
}

// readSum reads what all CPUs have counted.
func readSum(m *ebpf.Map, slot uint32) (sum uint64, _ error) {
	var perCPU []uint64
	if err := m.Lookup(slot, &perCPU); err != nil {
		return 0, err
	}
	for _, n := range perCPU {
		sum += n
	}
	return sum, nil
}
