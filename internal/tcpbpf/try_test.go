// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"os"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// TestTryTellsWhatOpenDoes compares the dry run with the real one, on a machine as it
// is and on worse ones.
func TestTryTellsWhatOpenDoes(t *testing.T) {
	root.Require(t)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would close what nobody holds
	lone := cgroup.New(t)
	newLoneConnect(t, lone.Path)
	descriptors := countDescriptors(t)
	for name, cfg := range map[string]Config{
		"as it is":           {},
		"a lone program":     {Cgroup: lone.Path},
		"some refused":       {tamper: unverifiable(ProgramFind, ProgramDestroy, ProgramConnect6)},
		"others refused":     {tamper: unverifiable(ProgramCallbacks)},
		"no sweep":           {tamper: unattachable(ProgramSweep)},
		"no sweep of files":  {tamper: unattachable(ProgramSweep, ProgramSweepFiles)},
		"of files only":      {tamper: unattachable(ProgramSweep, ProgramSweepHashed)},
		"no search":          {tamper: unattachable(ProgramFind, ProgramCallbacks)},
		"sock_ops refused":   {tamper: unverifiable(ProgramSockOps)},
		"a folder elsewhere": {Cgroup: t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.MaxFlows = 1000
			hooks, err := Try(cfg)
			k, want := Open(cfg)
			if want != nil {
				require.EqualError(t, err, want.Error())
			} else {
				require.NoError(t, err)
				require.Equal(t, k.Hooks(), hooks)
				require.NoError(t, k.Close())
			}
			require.Equal(t, descriptors, countDescriptors(t))
		})
	}
}

// TestTryLeavesSocketsAlone runs it beside connections, which keep no trace of it.
func TestTryLeavesSocketsAlone(t *testing.T) {
	group := cgroup.New(t)
	group.Add(os.Getpid())
	p := newPlace(t)
	client, err := p.Dial(p.Listen(p.IPv4.String() + ":0").Addr().String())
	require.NoError(t, err)
	defer client.Close()
	_, err = Try(Config{MaxFlows: 1000, Cgroup: group.Path})
	require.NoError(t, err)
	require.Zero(t, group.Attached())
	k := observe(t, Config{tamper: unverifiable(ProgramCallbacks)}) // which would switch them on
	k.collect()
	const callbacksNever = 2
	require.EqualValues(t, callbacksNever, record(t, k, client).Cleared, "its callbacks have not been switched on")
}
