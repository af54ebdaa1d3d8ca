// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"fmt"

	"github.com/cilium/ebpf"
)

// Counts are what the kernel side counted since it was opened that is no loss.
type Counts struct {
	Excluded   uint64 // ends of connections that the configuration leaves out
	Collisions uint64 // folds sent to overflow: another flow has the same hash
	NotApart   uint64 // connections whose peer may stand for somebody else: too many to tell apart
}

// Counts reads them.
func (k *Kernel) Counts() (c Counts, err error) {
	for stat, count := range map[tcpwhyStat]*uint64{
		tcpwhyStatSTAT_EXCLUDED:       &c.Excluded,
		tcpwhyStatSTAT_FLOW_COLLISION: &c.Collisions,
		tcpwhyStatSTAT_NOT_APART:      &c.NotApart,
	} {
		if *count, err = readStat(k.objects.Stats, stat); err != nil {
			return Counts{}, err
		}
	}
	return c, nil
}

func readStat(m *ebpf.Map, stat tcpwhyStat) (uint64, error) {
	var perCPU []uint64
	if err := m.Lookup(uint32(stat), &perCPU); err != nil {
		return 0, fmt.Errorf("read statistic %d: %w", stat, err)
	}
	var sum uint64
	for _, n := range perCPU {
		sum += n
	}
	return sum, nil
}
