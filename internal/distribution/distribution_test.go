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
)

const (
	quickstart = "../../config/quickstart.yaml"
	running    = "tcpwhy is running"
)

func TestEachConfigurationStartsAndStops(t *testing.T) {
	configurations, err := filepath.Glob("../../config/*.yaml")
	require.NoError(t, err)
	require.Contains(t, configurations, quickstart)
	for _, configuration := range configurations {
		t.Run(filepath.Base(configuration), func(t *testing.T) {
			folder := t.TempDir()
			linkConfigurations(t, folder)
			c := binary(t, netns.New(t), folder, configuration)
			c.awaitReady()
			c.signal(syscall.SIGTERM)
			require.NoError(t, c.awaitExit())
		})
	}
}

// linkConfigurations makes paths such as config/gateway/identities.yaml lead where they
// lead from the repository.
func linkConfigurations(t *testing.T, folder string) {
	t.Helper()
	configurations, err := filepath.Abs("../../config")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(configurations, filepath.Join(folder, "config")))
}

func TestQuickstartShowsTheBytesOfAConnection(t *testing.T) {
	const request, response = 12_345, 67_890
	folder := t.TempDir()
	ns := netns.New(t)
	c := binary(t, ns, folder, quickstart)
	c.awaitReady()
	port := converse(t, ns, request, response)

	ours := fmt.Sprintf(`process_pid="%d"`, os.Getpid())
	client, server := fmt.Sprintf(`destination_port="%d"`, port), fmt.Sprintf(`source_port="%d"`, port)
	sent, received := `direction="transmit"`, `direction="receive"`
	c.await("showing the connection", func() bool {
		_, page := c.get("127.0.0.1:9464", "/metrics")
		return strings.Contains(page, client) && strings.Contains(page, server)
	})
	_, page := c.get("127.0.0.1:9464", "/metrics")
	require.Equal(t, []string{"12345"}, values(page, "tcp_flow_io_bytes_total{", ours, client, sent))
	require.Equal(t, []string{"67890"}, values(page, "tcp_flow_io_bytes_total{", ours, client, received))
	require.Equal(t, []string{"67890"}, values(page, "tcp_flow_io_bytes_total{", ours, server, sent))
	require.Equal(t, []string{"12345"}, values(page, "tcp_flow_io_bytes_total{", ours, server, received))

	console := fmt.Sprintf("tcp.flow.io{source.address=127.0.0.1,destination.address=127.0.0.1,destination.port=%d} 80235\n", port)
	c.awaitLine(console)

	c.signal(syscall.SIGTERM)
	require.NoError(t, c.awaitExit())
	require.Equal(t, int64(request+response), fileTotal(t, filepath.Join(folder, "out/metrics.json"), int64(port)))
}

func TestMakeRunSaysWhereToLook(t *testing.T) {
	c := makeRun(t, netns.New(t))
	c.awaitLine(running)
	c.awaitReady()
	lines := strings.Split(c.output.String(), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, running) {
			require.Contains(t, lines[i-1], "Everything is ready")
		}
	}
	c.signal(syscall.SIGINT)
	require.Error(t, c.awaitExit()) // make's own: it was interrupted
	require.Contains(t, c.output.String(), "Shutdown complete")
}

func TestMakeRunFailsWithTheCollector(t *testing.T) {
	ns := netns.New(t)
	ns.Listen("127.0.0.1:9464")
	c := makeRun(t, ns)
	require.Error(t, c.awaitExit())
	require.Contains(t, c.output.String(), "127.0.0.1:9464: bind: address already in use")
	require.NotContains(t, c.output.String(), running)
}
