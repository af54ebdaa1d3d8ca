// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution

package distribution

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

const replicas = "../../config/replicas/"

// Two gateways add up what an agent gives to one or the other of them, and a third one, which
// is told all, hands on none of it.
func TestReplicasAsTheyAreShipped(t *testing.T) {
	web, db := netns.Pair(t)
	folder := t.TempDir()
	linkConfigurations(t, folder)
	gateway := func(host, role string) *collector {
		t.Setenv("TCPWHY_LISTEN", host+":4317")
		c := binary(t, web.NS, folder, gatewayConfiguration, file(t, replicas+role+".yaml"), "processors::tcp_anomaly::interval: 1s",
			"extensions::health_check::endpoint: "+host+":13133", "exporters::prometheus::endpoint: "+host+":9464")
		c.host = host
		c.awaitReady()
		return c
	}
	one, other, decides := gateway("127.0.0.2", "adds"), gateway("127.0.0.3", "adds"), gateway("127.0.0.4", "decides")
	t.Setenv("TCPWHY_DECIDES", "127.0.0.4:4317")
	agent := binary(t, web.NS, t.TempDir(), agentConfiguration, file(t, replicas+"agent.yaml"), "receivers::ebpf_tcp::collection_interval: 500ms",
		"receivers::ebpf_tcp::cluster_cidrs: [192.0.2.0/24]",
		"receivers::ebpf_tcp::include: [{processes: ["+clientName+", "+serverName+"]}]",
		// There is no name server in here.
		"exporters::load_balancing::resolver: {static: {hostnames: ['127.0.0.2:4317', '127.0.0.3:4317']}}",
		"exporters::load_balancing::resolver::dns: null")
	agent.awaitReady()

	m := trade(t, traffic.Between(web.NS, db.NS, db.IPv4))
	requireSumsOf(t, []*collector{one, other}, m)
	agent.signal(syscall.SIGTERM)
	require.NoError(t, agent.awaitExit())
	_, page := decides.get(decides.host+":9464", "/metrics")
	require.NotContains(t, page, "tcp_flow_io_bytes_total{")
	for _, c := range []*collector{one, other, decides} {
		c.signal(syscall.SIGTERM)
		require.NoError(t, c.awaitExit())
	}
}

// They go over the configurations for Kubernetes, too.
func TestReplicasForKubernetesAreValid(t *testing.T) {
	t.Setenv("K8S_NODE_NAME", "node-1")
	for over, config := range map[string]string{"agent": "agent", "adds": "gateway", "decides": "gateway"} {
		command := commandOf(t, "../../config/kubernetes/"+config+".yaml", file(t, replicas+over+".yaml"))
		output, err := exec.Command(command[0], append([]string{"validate"}, command[1:]...)...).CombinedOutput()
		require.NoError(t, err, "%s: %s", over, output)
	}
}

// file is the text of a file, as a setting.
func file(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
