// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution

package distribution

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// SIGHUP makes the collector read its configuration again, with new components in the same
// process: what the old ones had in the kernel is gone, and the new ones count from there.
func TestReloadCountsOn(t *testing.T) {
	ns := netns.New(t)
	folder := t.TempDir()
	base, err := os.ReadFile(quickstart)
	require.NoError(t, err)
	configuration := filepath.Join(folder, "configuration.yaml")
	write := func(client string) {
		const receiver = "  ebpf_tcp:\n"
		require.Contains(t, string(base), receiver)
		with := receiver + "    collection_interval: 200ms\n    include: [{processes: [" + client + "]}]\n"
		require.NoError(t, os.WriteFile(configuration, []byte(strings.Replace(string(base), receiver, with, 1)), 0o600))
	}
	write("nobody-of-this-name")
	c := binary(t, ns, folder, configuration)
	c.awaitReady()
	trade(t, traffic.Loopback(ns, "127.0.0.1")) // of no interest

	write(clientName)
	c.signal(syscall.SIGHUP)
	c.await("ready again", func() bool { return strings.Count(c.output.String(), "Everything is ready") == 2 })
	c.awaitReady()
	m := trade(t, traffic.Loopback(ns, "127.0.0.1"))
	for _, client := range m.clients {
		c.requireSum(client.written(), "tcp_flow_io_bytes_total{",
			[]string{fmt.Sprintf("process_pid=%q", client.pid), `network_io_direction="transmit"`})
	}
	_, page := c.get("127.0.0.1:9464", "/metrics")
	require.Len(t, values(page, "tcp_flow_io_bytes_total{", clientName, `network_io_direction="transmit"`), len(m.clients))

	c.signal(syscall.SIGTERM)
	require.NoError(t, c.awaitExit())
}
