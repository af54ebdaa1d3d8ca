// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestShortConnections opens and closes 20,000 connections while nobody looks.
// One sweep afterwards finds them all. Their 40,000 flows leave room for 25,536
// others: what another test on this machine does must not be observed.
func TestShortConnections(t *testing.T) {
	const n = 20_000
	place := newPlace(t)
	path := traffic.Loopback(place.NS, place.IPv4.String())
	path.Sources = place.neighbours(n / 2000)
	k := observe(t, Config{MaxFlows: 65536, Include: only(place, path.Sources...)})

	client, server := traffic.Sum(path.ShortConns(t, n, 16))
	awaitNoSockets(t, place.NS)
	k.collect()

	require.Zero(t, k.report.Lost[flow.LostNoStorage])
	require.Zero(t, k.report.Lost[flow.LostOverflow])
	for r, truth := range map[flow.Role]traffic.Totals{flow.RoleClient: client, flow.RoleServer: server} {
		s := k.sum(role(r, place.here()))
		require.EqualValues(t, n, s.Opened)
		require.EqualValues(t, n, s.Closed[flow.CloseFIN])
		require.EqualValues(t, n, s.closed())
		require.Equal(t, [2]uint64{truth.Written, truth.Read}, s.Bytes)
		require.Equal(t, [2]uint64{n, n}, s.DataSegments)
	}
	for _, key := range k.keys(place.here()) {
		requireSelf(t, k, key)
	}
}

// requireSelf says that a flow's sockets are this process's.
func requireSelf(t *testing.T, k *collector, key flow.Key) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	owner := k.Owner(key.Owner)
	require.EqualValues(t, os.Getpid(), key.Owner.PID())
	require.Equal(t, key.Owner, owner.ID)
	require.Equal(t, filepath.Base(self), owner.Executable)
}

// awaitNoSockets waits until the last connection in a namespace has no socket
// any more: an orphan takes a round trip to end.
func awaitNoSockets(t *testing.T, ns *netns.NS) {
	t.Helper()
	require.Eventually(t, func() bool { return sockets(t, ns) == "0" }, patience, time.Millisecond)
}

// sockets returns how many TCP/IPv4 sockets are in use in a namespace; those in
// TIME_WAIT do not count.
func sockets(t *testing.T, ns *netns.NS) (n string) {
	t.Helper()
	ns.Do(func() {
		file, err := os.Open("/proc/thread-self/net/sockstat")
		require.NoError(t, err)
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			if f := strings.Fields(lines.Text()); f[0] == "TCP:" {
				n = f[2] // TCP: inuse 5 orphan 0 …
			}
		}
	})
	return n
}
