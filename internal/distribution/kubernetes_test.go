// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution && k8s

package distribution

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/tcpwhy/tcpwhy/internal/testutil/apiserver"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

const kubernetesConfigurations = "../../config/kubernetes/"

// Addresses of the pods that have the node's network, here and now.
const (
	agentHost   = "127.13.0.2"
	wireHost    = "127.13.0.3"
	gatewayHost = "127.13.0.4"
)

// The agent and the gateway for Kubernetes run as in pods, with what rbac.yaml lets them do
// and with what their comments say that they need. Of real flows between a pod of the
// agent's node and one of another the agent names the one, and the gateway both and adds up.
func TestConfigurationsForKubernetes(t *testing.T) {
	k := newCluster(t)
	require.NoError(t, k.admin.Apply(t.Context(), kubernetesConfigurations+"rbac.yaml"))
	web, db := netns.Pair(t)
	require.NoError(t, k.admin.Namespace(t.Context(), "shop"))
	require.NoError(t, k.admin.Node(t.Context(), "n1", "z1", "192.168.7.1"))
	require.NoError(t, k.admin.Node(t.Context(), "n2", "z2", "192.168.7.2"))
	k.pod("web", &apiserver.Pod{Namespace: "shop", Name: "web-1", Node: "n1", IPs: []string{web.IPv4.String()}})
	k.pod("orders", &apiserver.Pod{Namespace: "shop", Name: "orders-1", Node: "n2", IPs: []string{db.IPv4.String()}})

	gateway := k.inPod(t, "gateway", gatewayHost, nil, "processors::tcp_anomaly::interval: 1s")
	gateway.awaitReady()
	folder := t.TempDir()
	t.Setenv("TEST_WIRE", wireHost)
	t.Setenv("TEST_GATEWAY", gatewayHost)
	wire := binary(t, nil, folder, "testdata/wire.yaml")
	wire.host = wireHost
	wire.awaitReady()
	agent := k.inPod(t, "agent", agentHost, []string{"K8S_NODE_NAME=n1", "TCPWHY_GATEWAY=" + wireHost + ":4317"},
		"receivers::ebpf_tcp::collection_interval: 500ms",
		"receivers::ebpf_tcp::cluster_cidrs: [192.0.2.0/24]", // the pods' addresses are public
		"receivers::ebpf_tcp::include: [{processes: ["+clientName+", "+serverName+"]}]")
	agent.awaitReady()

	gateway.requireSums(trade(t, traffic.Between(web.NS, db.NS, db.IPv4)))
	_, page := gateway.get(gatewayHost+":9464", "/metrics")
	require.NotContains(t, page, "192.0.2.")
	for _, c := range []*collector{agent, wire, gateway} {
		require.NotContains(t, c.output.String(), "Watch is lost")
		c.signal(syscall.SIGTERM)
		require.NoError(t, c.awaitExit())
	}
	require.Equal(t, map[string]string{clientName: "web external", serverName: "unknown web"}, namedByAgent(t, filepath.Join(folder, "wire.json")))
}

// inPod starts the collector as a pod of the manifest's account on one of the
// configurations, with further variables.
func (k *cluster) inPod(t *testing.T, config, address string, variables []string, settings ...string) *collector {
	t.Helper()
	token, err := k.admin.Token(t.Context(), "tcpwhy", "tcpwhy")
	require.NoError(t, err)
	account := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(account, "token"), []byte(token), 0o600))
	certificate, err := os.ReadFile(k.server.CAFile())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(account, "ca.crt"), certificate, 0o600))
	host, port, err := net.SplitHostPort(k.server.Address)
	require.NoError(t, err)

	const mounted = `mount -t tmpfs tmpfs /run && mkdir -p /run/secrets/kubernetes.io/serviceaccount &&
cp "$0"/* /run/secrets/kubernetes.io/serviceaccount && exec env "$@"`
	args := append([]string{"--mount", "sh", "-c", mounted, account}, variables...)
	args = append(args, "K8S_POD_IP="+address, "KUBERNETES_SERVICE_HOST="+host, "KUBERNETES_SERVICE_PORT="+port)
	args = append(args, commandOf(t, kubernetesConfigurations+config+".yaml", settings...)...)
	c := start(t, nil, t.TempDir(), "unshare", args...)
	c.host = address
	return c
}

// namedByAgent is what an agent tells of each executable's flows: the workloads of both ends,
// or their kinds if there are none.
func namedByAgent(t *testing.T, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	end := func(attributes pcommon.Map, side string) string {
		name, ok := attributes.Get(side + ".kind")
		if !ok {
			return "-"
		}
		if name.Str() == "pod" {
			name, _ = attributes.Get(side + ".workload.name")
		}
		return name.Str()
	}
	named := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		md, err := new(pmetric.JSONUnmarshaler).UnmarshalMetrics([]byte(line))
		require.NoError(t, err)
		for _, rm := range md.ResourceMetrics().All() {
			executable, _ := rm.Resource().Attributes().Get("process.executable.name")
			for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
				if m.Name() == "tcp.flow.io" {
					attributes := m.Sum().DataPoints().At(0).Attributes()
					named[executable.Str()] = end(attributes, "source") + " " + end(attributes, "destination")
				}
			}
		}
	}
	return named
}

// Without any one of the permissions that rbac.yaml gives, an agent and a gateway say which
// one it is that they lack.
func TestEachPermissionIsNeeded(t *testing.T) {
	k := newCluster(t)
	require.NoError(t, k.admin.Apply(t.Context(), kubernetesConfigurations+"rbac.yaml"))
	var role rbacv1.ClusterRole
	k.do(http.MethodGet, apiserver.RolePath+"tcpwhy", nil, &role)
	require.Len(t, role.Rules, 1)
	require.Equal(t, []string{"pods", "services", "nodes"}, role.Rules[0].Resources)
	for i, resource := range role.Rules[0].Resources {
		less := role.Rules[0]
		less.Resources = append(append([]string{}, less.Resources[:i]...), less.Resources[i+1:]...)
		k.do(http.MethodPatch, apiserver.RolePath+"tcpwhy", map[string]any{"rules": []rbacv1.PolicyRule{less}}, nil)
		k.awaitForbidden("/api/v1/" + resource)
		for config, variables := range map[string][]string{"gateway": nil, "agent": {"K8S_NODE_NAME=n1", "TCPWHY_GATEWAY=" + gatewayHost + ":4317"}} {
			t.Run(config+" without "+resource, func(t *testing.T) {
				c := k.inPod(t, config, agentHost, variables, "processors::tcp_anomaly::identity::kubernetes::wait_for_metadata: false")
				c.awaitLine(`"resource": "` + resource + `", "error": "` + resource + ` `) // and of one node its name
				require.Contains(t, c.output.String(), `is forbidden: User \"system:serviceaccount:tcpwhy:tcpwhy\" cannot`)
				c.awaitReady() // it goes on with what it may know
				c.signal(syscall.SIGTERM)
				require.NoError(t, c.awaitExit())
			})
		}
	}
}

// awaitForbidden waits until the account may not ask for a path.
func (k *cluster) awaitForbidden(path string) {
	k.t.Helper()
	token, err := k.admin.Token(k.t.Context(), "tcpwhy", "tcpwhy")
	require.NoError(k.t, err)
	user, err := k.server.As(token)
	require.NoError(k.t, err)
	defer user.Close()
	require.Eventually(k.t, func() bool {
		return apiserver.Code(user.Do(k.t.Context(), http.MethodGet, path, nil, nil)) == http.StatusForbidden
	}, patience, patience/1000)
}
