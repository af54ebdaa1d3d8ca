// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

func TestProcesses(t *testing.T) {
	a, b := netns.Pair(t, netns.CongestionControl("reno"))
	client, server := traffic.Start(t, a.NS, "shopper"), traffic.Start(t, b.NS, "shop")
	require.NotEqual(t, client.PID, server.PID)

	path := traffic.Between(a.NS, b.NS, b.IPv6)
	for range 2 {
		c, s := traffic.Sum(path.RunBetween(t, client, server, 10, 3, traffic.Exchange(5, 10, 1000)))
		require.Equal(t, traffic.Totals{Connections: 10, Written: 500, Read: 50_000}, c)
		require.Equal(t, traffic.Totals{Connections: 10, Written: 50_000, Read: 500}, s)
	}
}

func TestProcessIsWhatItSays(t *testing.T) {
	ns := netns.New(t)
	process := traffic.Start(t, ns, "shopper")

	executable, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", process.PID))
	require.NoError(t, err)
	require.Equal(t, "shopper", filepath.Base(executable))
	namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", process.PID))
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("net:[%d]", ns.Inode()), namespace)

	process.Stop()
	require.NoDirExists(t, fmt.Sprintf("/proc/%d", process.PID))
}
