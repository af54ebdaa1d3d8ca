// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tcpwhy/tcpwhy/internal/identity/directory"
	"github.com/tcpwhy/tcpwhy/internal/identity/static"
)

// TestWhatAFileNames is the column of static files in docs/enrichment.md, cell by cell.
func TestWhatAFileNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identities.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`
workloads:
  - {workload: web, node: h1, zone: z1, processes: [nginx]}
  - {namespace: data, workload: db, kind: StatefulSet, pod: db-0, service: orders, node: h2, zone: z2, addresses: [10.0.0.2]}
  - {workload: cache, node: h1, addresses: [10.0.0.3]}
  - {workload: legacy, cidrs: [203.0.113.0/24]}
  - {node: h3, zone: z3, addresses: [192.168.0.3]}
services:
  - {namespace: data, service: front, addresses: [10.96.0.1], ports: [80]}
`), 0o600))
	d, err := directory.Open(context.Background(), &directory.Config{
		Static: &static.Config{File: path}, ClusterCIDRs: []string{"10.0.0.0/8", "198.18.0.0/15"},
	}, directory.Settings{Logger: zap.NewNop()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	for _, cell := range []struct{ name, in, out string }{
		{"a peer's pod, workload, node, zone and service.name, and that it is on another host", "destination.address=10.0.0.2",
			"destination.k8s.namespace.name=data destination.k8s.node.name=h2 destination.k8s.pod.name=db-0 destination.k8s.statefulset.name=db destination.kind=pod destination.service.name=orders destination.service.namespace=data destination.workload.kind=StatefulSet destination.workload.name=db destination.zone=z2 network.same_host=false(Bool)"},
		{"a peer on the same host, by its node", "destination.address=10.0.0.3",
			"destination.k8s.node.name=h1 destination.kind=pod destination.service.name=cache destination.workload.name=cache destination.zone=z1 network.same_host=true(Bool)"},
		{"a peer on the same host, by its address", "destination.address=127.0.0.1",
			"destination.kind=unknown destination.workload.kind=unknown network.same_host=true(Bool)"},
		{"a Service", "destination.address=10.96.0.1 destination.port=80(Int)",
			"destination.k8s.namespace.name=data destination.k8s.service.name=front destination.kind=service destination.port=80(Int) destination.service.name=front destination.service.namespace=data destination.workload.kind=service destination.workload.name=front"},
		{"who is behind it", "destination.address=10.96.0.1 destination.port=80(Int) destination.nat.address=10.0.0.3",
			"destination.k8s.node.name=h1 destination.k8s.service.name=front destination.kind=pod destination.nat.address=10.0.0.3 destination.port=80(Int) destination.service.name=cache destination.workload.name=cache destination.zone=z1 network.same_host=true(Bool)"},
		{"a Service's address at a port that is none's", "destination.address=10.96.0.1 destination.port=81(Int)",
			"destination.kind=unknown destination.port=81(Int) destination.workload.kind=unknown"},
		{"a range outside of the cluster's that has a name", "destination.address=203.0.113.9",
			"destination.kind=pod destination.service.name=legacy destination.workload.name=legacy"},
		{"a node", "destination.address=192.168.0.3",
			"destination.k8s.node.name=h3 destination.kind=node destination.workload.kind=node destination.zone=z3 network.same_host=false(Bool)"},
		{"a private stranger outside of the cluster's ranges", "destination.address=192.168.0.9",
			"destination.kind=external destination.workload.kind=external"},
		{"a public stranger in the cluster's ranges", "destination.address=198.18.0.9",
			"destination.kind=unknown destination.workload.kind=unknown"},
		{"a network of clients, as the receiver masks them", "destination.address=198.51.100.0",
			"destination.kind=external destination.workload.kind=external"},
		{"no address", "destination.address=0.0.0.0", "destination.kind=unknown destination.workload.kind=unknown"},
		{"no address of the other family", "destination.address=::", "destination.kind=unknown destination.workload.kind=unknown"},
	} {
		t.Run(cell.name, func(t *testing.T) {
			md := parse(t, "resource {host.name=h1 process.executable.name=nginx}\ntcp.flow.rtt_min gauge\n  {"+cell.in+"} 0s..10s 0.5\n")
			enrich(d, md.ResourceMetrics().At(0))
			assert.Equal(t, `resource {host.name=h1 k8s.node.name=h1 process.executable.name=nginx service.name=web}
tcp.flow.rtt_min gauge
  {`+strings.Fields(cell.in)[0]+" "+cell.out+` source.k8s.node.name=h1 source.kind=pod source.service.name=web source.workload.name=web source.zone=z1} 0s..10s 0.5
`, write(md))
		})
	}
}
