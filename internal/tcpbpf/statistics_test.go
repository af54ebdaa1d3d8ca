// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestProgramsCountTheirRuns finds each program by its name, run.
func TestProgramsCountTheirRuns(t *testing.T) {
	place := newPlace(t)
	statistics, err := EnableStatistics()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, statistics.Close()) })

	k := observe(t, Config{})
	traffic.Loopback(place.NS, place.IPv4.String()).Run(t, 1, traffic.Exchange(1, 1, 1))
	k.untilClosed(2, place.here())

	programs, err := k.Programs()
	require.NoError(t, err)
	var names []string
	for _, p := range programs {
		names = append(names, p.Name)
		require.NotZero(t, p.Runs, p.Name)
		require.NotZero(t, p.Time, p.Name)
	}
	require.Equal(t, []string{ProgramSockOps, ProgramDestroy, ProgramSweep}, names)
}

// TestFlowsTakeMemoryAsTheyCome compares what a map takes with what it would if
// all of its entries had been allocated before.
func TestFlowsTakeMemoryAsTheyCome(t *testing.T) {
	k := observe(t, Config{MaxFlows: 65536})
	maps, err := k.Maps()
	require.NoError(t, err)
	sizes := make(map[string]MapStatistics)
	for _, m := range maps {
		sizes[m.Name] = m
	}
	for _, name := range []string{MapFlowsEven, MapFlowsOdd, MapOwners} {
		m := sizes[name]
		require.EqualValues(t, 65536, m.MaxEntries, name)
		require.Less(t, m.Memory, uint64(m.ValueSize)*uint64(m.MaxEntries)/4, name)
	}
	require.LessOrEqual(t, sizes[MapConns].ValueSize, uint32(184))
}
