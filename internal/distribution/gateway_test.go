// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution

package distribution

import (
	"fmt"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

const (
	agentConfiguration   = "../../config/agent.yaml"
	gatewayConfiguration = "../../config/gateway.yaml"
)

// Each end of the flows has an agent of its own, the clients' is started anew in between,
// and the gateway's sums are what the applications counted.
func TestGatewayAddsUpWhatTwoAgentsSend(t *testing.T) {
	web, db := netns.Pair(t)
	folder := t.TempDir()
	linkConfigurations(t, folder)
	gateway := binary(t, web.NS, folder, gatewayConfiguration, "processors::tcp_anomaly::interval: 1s")
	gateway.awaitReady()
	agent := func(process string, port int) *collector {
		c := binary(t, web.NS, t.TempDir(), agentConfiguration, "receivers::ebpf_tcp::collection_interval: 500ms",
			// Or the server's side would know of its clients' network only.
			"receivers::ebpf_tcp::cluster_cidrs: [192.0.2.0/24]",
			"receivers::ebpf_tcp::include: [{processes: ["+process+"]}]",
			fmt.Sprintf("extensions::health_check::endpoint: 127.0.0.1:%d", port))
		c.await("healthy", func() bool {
			status, _ := c.get(fmt.Sprintf("127.0.0.1:%d", port), "/")
			return status == 200
		})
		return c
	}
	clients := agent(clientName, 13134)
	servers := agent(serverName, 13135)
	path := traffic.Between(web.NS, db.NS, db.IPv4)

	before := trade(t, path)
	gateway.requireSums(before)
	clients.signal(syscall.SIGTERM)
	require.NoError(t, clients.awaitExit())
	agent(clientName, 13134)
	gateway.requireSums(before, trade(t, path))

	_, page := gateway.get("127.0.0.1:9464", "/metrics")
	require.NotContains(t, page, "process_pid")
	require.NotContains(t, page, "192.0.2.")
	for _, c := range []*collector{servers, gateway} {
		c.signal(syscall.SIGTERM)
		require.NoError(t, c.awaitExit())
	}
}

// requireSums waits until both ends' series of each metric add up to what all markets
// counted.
func (c *collector) requireSums(markets ...market) {
	c.t.Helper()
	requireSumsOf(c.t, []*collector{c}, markets...)
}

// requireSumsOf is [collector.requireSums] of several that share the flows.
func requireSumsOf(t testing.TB, all []*collector, markets ...market) {
	t.Helper()
	var client, server struct{ written, read, connections float64 }
	for _, m := range markets {
		for _, d := range m.clients {
			client.written += d.written()
			client.read += d.read()
			client.connections += d.connections()
		}
		server.written += m.server.written()
		server.read += m.server.read()
		server.connections += m.server.connections()
	}
	asClient := []string{`source_workload_name="web"`, `destination_workload_name="orders"`, `network_tcp_handshake_role="client"`}
	asServer := []string{`source_workload_name="orders"`, `destination_workload_name="web"`, `network_tcp_handshake_role="server"`}
	sent, received := `network_io_direction="transmit"`, `network_io_direction="receive"`
	requireSum(t, all, client.written, "tcp_flow_io_bytes_total{", append(asClient, sent))
	requireSum(t, all, client.read, "tcp_flow_io_bytes_total{", append(asClient, received))
	requireSum(t, all, server.written, "tcp_flow_io_bytes_total{", append(asServer, sent))
	requireSum(t, all, server.read, "tcp_flow_io_bytes_total{", append(asServer, received))
	requireSum(t, all, client.connections, "tcp_flow_connection_closed_total{", asClient)
	requireSum(t, all, server.connections, "tcp_flow_connection_closed_total{", asServer)
	requireSum(t, all, client.connections, "tcp_flow_connection_setup_duration_seconds_count{", asClient)
}

func (c *collector) requireSum(want float64, name string, labels []string) {
	c.t.Helper()
	requireSum(c.t, []*collector{c}, want, name, labels)
}

func requireSum(t testing.TB, all []*collector, want float64, name string, labels []string) {
	t.Helper()
	all[0].await(fmt.Sprintf("showing %v of %s%v", want, name, labels), func() bool {
		got := 0.0
		for _, c := range all {
			_, page := c.get(c.host+":9464", "/metrics")
			for _, value := range values(page, append([]string{name}, labels...)...) {
				number, err := strconv.ParseFloat(value, 64)
				require.NoError(t, err)
				got += number
			}
		}
		return got == want
	})
}
