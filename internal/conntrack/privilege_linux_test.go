// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package conntrack

import (
	"net/netip"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// seenVariable has what a client sees of its connection, for the test that is executed
// again.
const seenVariable = "TCPWHY_TEST_SEEN"

// TestNamespaceThatCannotBeEntered asks a watcher without CAP_SYS_ADMIN, as after the start
// of a receiver, for a connection in a namespace that it had not read before.
func TestNamespaceThatCannotBeEntered(t *testing.T) {
	if seen := os.Getenv(seenVariable); seen != "" {
		requireDenied(t, netip.MustParseAddrPort(seen), netip.MustParseAddrPort(os.Getenv(seenVariable+"_TO")))
		return
	}
	c := newCluster(t, false, false)
	s := c.open(0)
	w := watch(t, Settings{})
	s.at = monotonic() // it is still there
	requireFollowed(t, w, s)

	const nobody = 65534
	command := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	command.Env = append(os.Environ(),
		seenVariable+"="+s.seen.Source.String(), seenVariable+"_TO="+s.seen.Destination.String())
	command.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: nobody, Gid: nobody},
		// The last two let it see the namespace.
		AmbientCaps: []uintptr{unix.CAP_NET_ADMIN, unix.CAP_SYS_PTRACE, unix.CAP_DAC_READ_SEARCH},
	}
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), "--- PASS: "+t.Name(), "it ran")
}

func requireDenied(t *testing.T, source, destination netip.AddrPort) {
	t.Helper()
	w := watch(t, Settings{})
	require.NotZero(t, w.Stats().Denied)
	require.NoError(t, w.Discover())
	require.NotZero(t, w.Stats().Denied)
	now := monotonic()
	_, verdict := w.Follow(Question{Seen: Tuple{source, destination}, From: now, To: now})
	require.NotEqual(t, Translated, verdict)
}
