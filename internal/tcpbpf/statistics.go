// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"fmt"
	"io"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Names of the programs, as the kernel has them.
const (
	ProgramSockOps  = "tcpwhy_sock_ops"
	ProgramConnect4 = "tcpwhy_connect4"
	ProgramConnect6 = "tcpwhy_connect6"
	ProgramDestroy  = "tcpwhy_destroy"
	ProgramReset    = "tcpwhy_reset"
	ProgramSynAck   = "tcpwhy_syn_ack"
	ProgramDrop     = "tcpwhy_drop"
	ProgramSweep    = "tcpwhy_sweep"
	// These two together, where the kernel refuses the one before.
	ProgramSweepFiles  = "tcpwhy_sweep_files"
	ProgramSweepHashed = "tcpwhy_sweep_hashed"
	ProgramFind        = "tcpwhy_find"      // only while opening
	ProgramCallbacks   = "tcpwhy_callbacks" // only while opening
)

// A ProgramStatistics is what the kernel counted of a program since it was
// loaded. Runs and Time stand still while statistics are switched off.
type ProgramStatistics struct {
	Name    string
	Runs    uint64
	Time    time.Duration
	Skipped uint64 // runs that a running tracing program on the same CPU prevented
}

// EnableStatistics makes the kernel count runs of all BPF programs, which costs
// each run some 20 ns, until it is closed or the process ends.
func EnableStatistics() (io.Closer, error) {
	c, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
	if err != nil {
		return nil, fmt.Errorf("enable statistics: %w", err)
	}
	return c, nil
}

// Programs returns the statistics of all programs that were loaded.
func (k *Kernel) Programs() ([]ProgramStatistics, error) {
	out := make([]ProgramStatistics, 0, len(programs))
	for _, known := range programs {
		p := k.objects.programs[known.name]
		if p == nil {
			continue
		}
		s, err := p.Stats()
		if err != nil {
			return nil, fmt.Errorf("read statistics of %s: %w", known.name, err)
		}
		out = append(out, ProgramStatistics{Name: known.name, Runs: s.RunCount, Time: s.Runtime, Skipped: s.RecursionMisses})
	}
	return out, nil
}

// Names of the maps whose size follows sockets and flows.
const (
	MapConns     = "conns"
	MapFlowsEven = "flows_even"
	MapFlowsOdd  = "flows_odd"
	MapOwners    = "owners"
)

// A MapStatistics is the shape and size of a map.
type MapStatistics struct {
	Name       string
	KeySize    uint32 // bytes
	ValueSize  uint32 // bytes
	MaxEntries uint32
	// Memory is in bytes, as the kernel accounts them; without what lies in sockets. Kernels that do not ask maps for it
	// (map_mem_usage; 6.1 does not, 6.12 does) tell what the map would take if it were full.
	Memory uint64
}

// Maps returns the statistics of the maps whose size follows sockets and flows.
func (k *Kernel) Maps() ([]MapStatistics, error) {
	all := []struct {
		name string
		m    *ebpf.Map
	}{
		{MapConns, k.objects.Conns},
		{MapFlowsEven, k.objects.FlowsEven},
		{MapFlowsOdd, k.objects.FlowsOdd},
		{MapOwners, k.objects.Owners},
	}
	out := make([]MapStatistics, 0, len(all))
	for _, m := range all {
		info, err := m.m.Info()
		if err != nil {
			return nil, fmt.Errorf("read information of map %s: %w", m.name, err)
		}
		memory, _ := info.Memlock()
		out = append(out, MapStatistics{Name: m.name, KeySize: m.m.KeySize(), ValueSize: m.m.ValueSize(),
			MaxEntries: m.m.MaxEntries(), Memory: memory})
	}
	return out, nil
}
