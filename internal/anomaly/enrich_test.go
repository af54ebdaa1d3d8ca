// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func TestEnrich(t *testing.T) {
	for _, test := range []struct{ name, in, out string }{
		{
			name: "both ends are pods",
			in: `resource {k8s.pod.uid=uid-web process.executable.name=nginx}
tcp.flow.io sum cumulative
  {source.address=10.0.1.1 destination.address=10.0.2.1} 5s..10s 100`,
			out: `resource {k8s.cluster.name=c1 k8s.container.name=nginx k8s.deployment.name=web k8s.namespace.name=shop k8s.node.name=node-1 k8s.pod.name=web-5d4-x2 k8s.pod.uid=uid-web process.executable.name=nginx service.name=web service.namespace=shop}
tcp.flow.io sum cumulative
  {destination.address=10.0.2.1 destination.k8s.cluster.name=c1 destination.k8s.namespace.name=data destination.k8s.node.name=node-2 destination.k8s.pod.name=db-0 destination.k8s.statefulset.name=db destination.kind=pod destination.service.name=postgres destination.service.namespace=data destination.workload.kind=StatefulSet destination.workload.name=db destination.zone=eu-1b network.same_host=false(Bool) source.address=10.0.1.1 source.k8s.cluster.name=c1 source.k8s.deployment.name=web source.k8s.namespace.name=shop source.k8s.node.name=node-1 source.k8s.pod.name=web-5d4-x2 source.kind=pod source.service.name=web source.service.namespace=shop source.workload.kind=Deployment source.workload.name=web source.zone=eu-1a} 5s..10s 100
`,
		},
		{
			name: "a public address, and a private one that nobody knows, of a process that nobody knows",
			in: `resource {process.executable.name=curl}
tcp.flow.rtt_min gauge
  {destination.address=8.8.8.8} 0s..10s 0.5
  {destination.address=10.9.9.9} 0s..10s 0.5`,
			out: `resource {process.executable.name=curl}
tcp.flow.rtt_min gauge
  {destination.address=10.9.9.9 destination.kind=unknown destination.workload.kind=unknown source.kind=unknown source.workload.kind=process source.workload.name=curl} 0s..10s 0.5
  {destination.address=8.8.8.8 destination.kind=external destination.workload.kind=external source.kind=unknown source.workload.kind=process source.workload.name=curl} 0s..10s 0.5
`,
		},
		{
			name: "a virtual address whose backend is known, one whose backend is not, and one that only looks like it",
			in: `resource {process.executable.name=curl}
tcp.flow.rtt_min gauge
  {destination.address=10.96.0.7 destination.port=5432(Int) destination.nat.address=10.0.2.1 destination.nat.port=5433(Int)} 0s..10s 0.5
  {destination.address=10.96.0.7 destination.port=5432(Int)} 0s..10s 0.5
  {destination.address=10.96.0.7 destination.port=5432(Int) destination.nat.address=10.9.9.9} 0s..10s 0.5
  {destination.address=10.96.0.7 destination.port=80(Int)} 0s..10s 0.5`,
			out: `resource {process.executable.name=curl}
tcp.flow.rtt_min gauge
  {destination.address=10.96.0.7 destination.k8s.cluster.name=c1 destination.k8s.namespace.name=data destination.k8s.node.name=node-2 destination.k8s.pod.name=db-0 destination.k8s.service.name=db destination.k8s.statefulset.name=db destination.kind=pod destination.nat.address=10.0.2.1 destination.nat.port=5433(Int) destination.port=5432(Int) destination.service.name=postgres destination.service.namespace=data destination.workload.kind=StatefulSet destination.workload.name=db destination.zone=eu-1b source.kind=unknown source.workload.kind=process source.workload.name=curl} 0s..10s 0.5
  {destination.address=10.96.0.7 destination.k8s.cluster.name=c1 destination.k8s.namespace.name=data destination.k8s.service.name=db destination.kind=service destination.nat.address=10.9.9.9 destination.port=5432(Int) destination.workload.kind=service destination.workload.name=db source.kind=unknown source.workload.kind=process source.workload.name=curl} 0s..10s 0.5
  {destination.address=10.96.0.7 destination.k8s.cluster.name=c1 destination.k8s.namespace.name=data destination.k8s.service.name=db destination.kind=service destination.port=5432(Int) destination.workload.kind=service destination.workload.name=db source.kind=unknown source.workload.kind=process source.workload.name=curl} 0s..10s 0.5
  {destination.address=10.96.0.7 destination.kind=unknown destination.port=80(Int) destination.workload.kind=unknown source.kind=unknown source.workload.kind=process source.workload.name=curl} 0s..10s 0.5
`,
		},
		{
			name: "an address belongs to whoever had it then",
			in: `resource {process.executable.name=curl}
tcp.flow.rtt_min gauge
  {destination.address=10.0.1.1} 0s..99s 0.5
tcp.flow.rtt_min gauge
  {destination.address=10.0.1.1} 0s..100s 0.5`,
			out: `resource {process.executable.name=curl}
tcp.flow.rtt_min gauge
  {destination.address=10.0.1.1 destination.k8s.cluster.name=c1 destination.k8s.deployment.name=web destination.k8s.namespace.name=shop destination.k8s.node.name=node-1 destination.k8s.pod.name=web-5d4-x2 destination.kind=pod destination.service.name=web destination.service.namespace=shop destination.workload.kind=Deployment destination.workload.name=web destination.zone=eu-1a source.kind=unknown source.workload.kind=process source.workload.name=curl} 0s..99s 0.5
tcp.flow.rtt_min gauge
  {destination.address=10.0.1.1 destination.k8s.cluster.name=c1 destination.k8s.namespace.name=data destination.k8s.node.name=node-2 destination.k8s.pod.name=db-0 destination.k8s.statefulset.name=db destination.kind=pod destination.service.name=postgres destination.service.namespace=data destination.workload.kind=StatefulSet destination.workload.name=db destination.zone=eu-1b source.kind=unknown source.workload.kind=process source.workload.name=curl} 0s..100s 0.5
`,
		},
		{
			name: "the local end by its address, where all points agree the resource too",
			in: `resource {process.executable.name=postgres}
tcp.listener.queue.length gauge
  {source.address=10.0.2.1 source.port=5432(Int) network.tcp.handshake.role=server} 0s..10s 1
tcp.flow.rtt_min gauge
  {source.address=127.0.0.1 destination.address=127.0.0.1} 0s..10s 0.5`,
			out: `resource {k8s.cluster.name=c1 k8s.namespace.name=data k8s.node.name=node-2 k8s.pod.name=db-0 k8s.pod.uid=uid-db k8s.statefulset.name=db process.executable.name=postgres service.name=postgres service.namespace=data}
tcp.listener.queue.length gauge
  {network.tcp.handshake.role=server source.address=10.0.2.1 source.k8s.cluster.name=c1 source.k8s.namespace.name=data source.k8s.node.name=node-2 source.k8s.pod.name=db-0 source.k8s.statefulset.name=db source.kind=pod source.port=5432(Int) source.service.name=postgres source.service.namespace=data source.workload.kind=StatefulSet source.workload.name=db source.zone=eu-1b} 0s..10s 1
tcp.flow.rtt_min gauge
  {destination.address=127.0.0.1 destination.kind=unknown destination.workload.kind=unknown network.same_host=true(Bool) source.address=127.0.0.1 source.kind=unknown source.workload.kind=process source.workload.name=postgres} 0s..10s 0.5
`,
		},
		{
			name: "what is there stays: others' names, and those of an agent that knew the peer",
			in: `resource {k8s.pod.uid=uid-web k8s.deployment.name=frontend service.name=front}
tcp.flow.rtt_min gauge
  {destination.address=10.0.2.1 destination.k8s.pod.name=somebody destination.k8s.node.name=node-1 destination.k8s.cluster.name=c1} 0s..10s 0.5`,
			out: `resource {k8s.cluster.name=c1 k8s.container.name=nginx k8s.deployment.name=frontend k8s.namespace.name=shop k8s.node.name=node-1 k8s.pod.name=web-5d4-x2 k8s.pod.uid=uid-web service.name=front service.namespace=shop}
tcp.flow.rtt_min gauge
  {destination.address=10.0.2.1 destination.k8s.cluster.name=c1 destination.k8s.node.name=node-1 destination.k8s.pod.name=somebody network.same_host=true(Bool) source.k8s.cluster.name=c1 source.k8s.deployment.name=frontend source.k8s.namespace.name=shop source.k8s.node.name=node-1 source.k8s.pod.name=web-5d4-x2 source.kind=pod source.service.name=front source.service.namespace=shop source.workload.kind=Deployment source.workload.name=frontend source.zone=eu-1a} 0s..10s 0.5
`,
		},
		{
			name: "two pods at once are none: what the resource says is believed, and not mixed",
			in: `resource {container.id=c0ffee k8s.pod.name=other-1 k8s.namespace.name=shop}
tcp.flow.rtt_min gauge
  {source.address=10.0.1.1} 0s..10s 0.5`,
			out: `resource {container.id=c0ffee k8s.namespace.name=shop k8s.pod.name=other-1}
tcp.flow.rtt_min gauge
  {source.address=10.0.1.1 source.k8s.namespace.name=shop source.k8s.pod.name=other-1 source.kind=pod source.workload.kind=pod source.workload.name=other-1} 0s..10s 0.5
`,
		},
		{
			name: "a static pod has another UID in its cgroups than for the API server",
			in: `resource {container.id=c0ffee k8s.pod.uid=config-hash-of-web}
tcp.flow.rtt_min gauge
  {source.address=10.0.1.1} 0s..10s 0.5`,
			out: `resource {container.id=c0ffee k8s.cluster.name=c1 k8s.container.name=nginx k8s.deployment.name=web k8s.namespace.name=shop k8s.node.name=node-1 k8s.pod.name=web-5d4-x2 k8s.pod.uid=config-hash-of-web service.name=web service.namespace=shop}
tcp.flow.rtt_min gauge
  {source.address=10.0.1.1 source.k8s.cluster.name=c1 source.k8s.deployment.name=web source.k8s.namespace.name=shop source.k8s.node.name=node-1 source.k8s.pod.name=web-5d4-x2 source.kind=pod source.service.name=web source.service.namespace=shop source.workload.kind=Deployment source.workload.name=web source.zone=eu-1a} 0s..10s 0.5
`,
		},
		{
			name: "one of several containers has its name",
			in: `resource {container.id=facade}
tcp.flow.rtt_min gauge
  {source.address=10.0.1.1} 0s..10s 0.5`,
			out: `resource {container.id=facade k8s.container.name=proxy k8s.pod.name=meshed-0 k8s.pod.uid=uid-meshed}
tcp.flow.rtt_min gauge
  {source.address=10.0.1.1 source.k8s.pod.name=meshed-0 source.kind=pod source.workload.kind=pod source.workload.name=meshed-0} 0s..10s 0.5
`,
		},
		{
			name: "unknown is no name, so that a gateway may know better than its agent",
			in: `resource {host.name=node-1 process.executable.name=kubelet}
tcp.flow.rtt_min gauge
  {destination.address=10.0.1.1 destination.kind=unknown destination.workload.kind=unknown source.kind=unknown source.workload.kind=process source.workload.name=kubelet} 0s..10s 0.5`,
			out: `resource {host.name=node-1 k8s.cluster.name=c1 k8s.node.name=node-1 process.executable.name=kubelet}
tcp.flow.rtt_min gauge
  {destination.address=10.0.1.1 destination.k8s.cluster.name=c1 destination.k8s.deployment.name=web destination.k8s.namespace.name=shop destination.k8s.node.name=node-1 destination.k8s.pod.name=web-5d4-x2 destination.kind=pod destination.service.name=web destination.service.namespace=shop destination.workload.kind=Deployment destination.workload.name=web destination.zone=eu-1a network.same_host=true(Bool) source.k8s.cluster.name=c1 source.k8s.node.name=node-1 source.kind=node source.workload.kind=process source.workload.name=kubelet source.zone=eu-1a} 0s..10s 0.5
`,
		},
		{
			name: "what is said of the host alone gets the host's names only",
			in: `resource {host.name=node-1}
tcp.flow.coverage gauge
  {} 0s..10s 1.0`,
			out: `resource {host.name=node-1 k8s.cluster.name=c1 k8s.node.name=node-1}
tcp.flow.coverage gauge
  {} 0s..10s 1.0
`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			md := parse(t, test.in)
			for _, rm := range md.ResourceMetrics().All() {
				enrich(market(), rm)
			}
			assert.Equal(t, test.out, write(md))
		})
	}
}

// What has our attributes already is not changed by a second look.
func TestEnrichTwiceIsEnrichOnce(t *testing.T) {
	md := parse(t, `resource {host.name=node-1 process.executable.name=curl}
tcp.flow.io sum cumulative
  {source.address=192.168.0.1 destination.address=10.96.0.7 destination.port=5432(Int) destination.nat.address=10.0.2.1} 5s..10s 100
  {source.address=192.168.0.1 destination.address=8.8.8.8 destination.port=53(Int)} 5s..10s 100`)
	enrich(market(), md.ResourceMetrics().At(0))
	once := write(md)
	enrich(market(), md.ResourceMetrics().At(0))
	assert.Equal(t, once, write(md))
}

func TestForeignMetricsAreNotTaken(t *testing.T) {
	const foreign = `resource {k8s.pod.uid=uid-web}
http.server.duration histogram cumulative
  {source.address=10.0.1.1} 5s..10s sum 0.5 bounds [1] counts [1 0]
tcp.flow.io gauge
  {source.address=10.0.1.1} 5s..10s 1
`
	md := parse(t, foreign)
	before := marshal(t, md)
	took := pmetric.NewMetrics()
	take(md, took.ResourceMetrics())
	assert.Zero(t, took.ResourceMetrics().Len())
	assert.Equal(t, before, marshal(t, md))
}

func TestMixedResourceIsSplit(t *testing.T) {
	const foreign = `resource {k8s.pod.uid=uid-web}
http.server.duration histogram cumulative
  {source.address=10.0.1.1} 5s..10s sum 0.5 bounds [1] counts [1 0]
`
	const mixed = foreign + `tcp.flow.io sum cumulative
  {source.address=10.0.1.1} 5s..10s 1
`
	const our = `resource {k8s.pod.uid=uid-web}
tcp.flow.io sum cumulative
  {source.address=10.0.1.1} 5s..10s 1
`
	md := parse(t, mixed+our)
	took := pmetric.NewMetrics()
	take(md, took.ResourceMetrics())
	assert.Equal(t, marshal(t, parse(t, foreign)), marshal(t, md))
	assert.Equal(t, marshal(t, parse(t, our+our)), marshal(t, took))
}

func marshal(t testing.TB, md pmetric.Metrics) []byte {
	t.Helper()
	bytes, err := new(pmetric.ProtoMarshaler).MarshalMetrics(md)
	require.NoError(t, err)
	return bytes
}
