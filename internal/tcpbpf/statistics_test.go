// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestProgramsCountTheirRuns finds each program by its name, run.
func TestProgramsCountTheirRuns(t *testing.T) {
	place := newPlace(t)
	statistics, err := EnableStatistics()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, statistics.Close()) })

	older, err := connectPairs(1) // in a namespace that has a path
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, closeAll(older)) })
	k := observe(t, Config{})
	k.tellDrops()
	traffic.Loopback(place.NS, place.IPv4.String()).Run(t, 1, traffic.Exchange(1, 1, 1))
	traffic.Loopback(place.NS, place.IPv6.String()).Run(t, 1, traffic.Exchange(1, 1, 1))
	traffic.Loopback(place.NS, place.IPv4.String()).Run(t, 1, traffic.AbortedBy(traffic.Client, 1))
	nft.New(t, place.NS).DropSome(nft.Input, 0, 1, nft.Flags(nft.SYN|nft.ACK)) // runs what sees SYN-ACKs again
	traffic.Loopback(place.NS, place.IPv4.String()).Run(t, 1, traffic.Exchange(1, 1, 1))
	k.untilClosed(8, place.here())

	counted, err := k.Programs()
	require.NoError(t, err)
	var names []string
	for _, p := range counted {
		names = append(names, p.Name)
		require.NotZero(t, p.Runs, p.Name)
		require.NotZero(t, p.Time, p.Name)
	}
	require.Equal(t, loadable(t), names)
}

// loadable are the programs that this kernel runs.
func loadable(t *testing.T) (names []string) {
	t.Helper()
	records, drops := sweepsRecords(t), tellsSocketOfDrop(t)
	for _, p := range programs {
		if p.name == ProgramDrop && !drops {
			continue
		}
		if records && p.spares == "" || !records && p.name != ProgramSweep {
			names = append(names, p.name)
		}
	}
	return names
}

// TestProgramsAreAsTheKernelSays compares with what the kernel writes of each
// program's descriptor, at a moment in which none of them runs.
func TestProgramsAreAsTheKernelSays(t *testing.T) {
	place := newPlace(t)
	statistics, err := EnableStatistics()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, statistics.Close()) })
	k := observe(t, Config{})
	traffic.Loopback(place.NS, place.IPv4.String()).Run(t, 4, traffic.Exchange(1, 1, 1).Times(20)...)
	k.collect()

	names := loadable(t)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		before := written(t, k, names)
		programs, err := k.Programs()
		require.NoError(t, err)
		after := written(t, k, names)
		if slices.Equal(before, after) || time.Now().After(deadline) {
			require.Equal(t, after, programs)
			return
		}
	}
}

// written reads the programs' statistics as text.
func written(t *testing.T, k *collector, names []string) (all []ProgramStatistics) {
	t.Helper()
	for _, name := range names {
		p := k.objects.programs[name]
		text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", p.FD()))
		require.NoError(t, err)
		number := func(key string) uint64 {
			match := regexp.MustCompile(`(?m)^` + key + `:\s*(\d+)$`).FindSubmatch(text)
			require.Len(t, match, 2, "%s in %s", key, text)
			n, err := strconv.ParseUint(string(match[1]), 10, 64)
			require.NoError(t, err)
			return n
		}
		info, err := p.Info()
		require.NoError(t, err)
		all = append(all, ProgramStatistics{Name: info.Name, Runs: number("run_cnt"),
			Time: time.Duration(number("run_time_ns")), Skipped: number("recursion_misses")})
	}
	return all
}

// TestFlowsTakeMemoryAsTheyCome compares what a map takes with what it would if all of its entries had been
// allocated before; where the kernel does not tell that, it looks at how the map was asked for.
func TestFlowsTakeMemoryAsTheyCome(t *testing.T) {
	k := observe(t, Config{MaxFlows: 65536})
	maps, err := k.Maps()
	require.NoError(t, err)
	sizes := make(map[string]MapStatistics)
	for _, m := range maps {
		sizes[m.Name] = m
	}
	tells := tellsMemory(t)
	for name, m := range map[string]*ebpf.Map{
		MapFlowsEven: k.objects.FlowsEven, MapFlowsOdd: k.objects.FlowsOdd, MapOwners: k.objects.Owners,
	} {
		require.EqualValues(t, 65536, sizes[name].MaxEntries, name)
		require.NotZero(t, m.Flags()&unix.BPF_F_NO_PREALLOC, name)
		if tells {
			require.Less(t, sizes[name].Memory, uint64(m.ValueSize())*uint64(m.MaxEntries())/4, name)
		}
	}
	require.LessOrEqual(t, sizes[MapConns].ValueSize, uint32(184))
}

// tellsMemory tells whether the kernel says how much memory a map takes, and not how much it might.
func tellsMemory(t *testing.T) bool {
	empty, err := ebpf.NewMap(&ebpf.MapSpec{
		Type: ebpf.Hash, KeySize: 8, ValueSize: 1024, MaxEntries: 65536, Flags: unix.BPF_F_NO_PREALLOC,
	})
	require.NoError(t, err)
	defer empty.Close()
	info, err := empty.Info()
	require.NoError(t, err)
	memory, ok := info.Memlock()
	require.True(t, ok)
	return memory < 1024*65536/4
}
