// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/localize"
	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/problem"
)

// A peer is in the source's cluster where nobody says another one, if it has a name at all.
func TestThePeersCluster(t *testing.T) {
	for _, test := range []struct{ what, resource, point, cluster, told string }{
		{"nobody knows one", "", "", "", ""},
		{"the directory knows one", "", "", "a", "a"},
		{"a resource detector does", " k8s.cluster.name=b", "", "", "b"},
		{"the peer is in another", " k8s.cluster.name=b", "", "a", "a"},
		{"an agent has named it", " k8s.cluster.name=b", " destination.kind=pod destination.workload.name=db", "a", "b"},
		{"an agent has named it in its own", " k8s.cluster.name=b", " destination.kind=pod destination.k8s.cluster.name=c", "a", "c"},
	} {
		d := town{remote: func(netip.AddrPort, uint64) *identity.Identity {
			return podOf("db-0", "StatefulSet", "db", test.cluster)
		}}
		md := flowOf(t, "k8s.pod.uid=uid-a"+test.resource, "10.0.0.2"+test.point)
		enrich(d, md.ResourceMetrics().At(0))
		assert.Equal(t, test.told, text(firstPoint(md), names.Destination.K8sClusterName), test.what)
	}
	stranger := town{remote: func(netip.AddrPort, uint64) *identity.Identity { return identity.External }}
	md := flowOf(t, "k8s.pod.uid=uid-a k8s.cluster.name=b", "203.0.113.7")
	enrich(stranger, md.ResourceMetrics().At(0))
	assert.Empty(t, text(firstPoint(md), names.Destination.K8sClusterName), "who is outside is in no cluster")
}

// An agent that adds up to workloads drops addresses: its names are all there is.
func TestThePeersClusterWithoutAnAddress(t *testing.T) {
	md := parse(t, `resource {k8s.cluster.name=b k8s.namespace.name=shop}
tcp.flow.io sum cumulative
  {destination.kind=pod destination.workload.name=db network.tcp.handshake.role=client} 5s..10s 1`)
	enrich(town{}, md.ResourceMetrics().At(0))
	assert.Equal(t, "b", text(firstPoint(md), names.Destination.K8sClusterName))
}

// The same names and addresses in two clusters, whose agents tell their own.
const flowsOfTwoClusters = `resource {k8s.cluster.name=east host.name=node-1 service.instance.id=a}
tcp.flow.io sum delta
  {source.address=10.0.1.1 destination.address=10.0.1.3 destination.port=5432(Int) network.tcp.handshake.role=client} 5s..10s 1
resource {k8s.cluster.name=west host.name=node-1 service.instance.id=b}
tcp.flow.io sum delta
  {source.address=10.0.1.1 destination.address=10.0.1.3 destination.port=5432(Int) network.tcp.handshake.role=client} 5s..10s 2
resource {k8s.cluster.name=east host.name=node-2 service.instance.id=c}
tcp.flow.io sum delta
  {source.address=10.0.1.3 source.port=5432(Int) destination.address=10.0.1.1 network.tcp.handshake.role=server} 5s..10s 4
resource {k8s.cluster.name=west host.name=node-2 service.instance.id=d}
tcp.flow.io sum delta
  {source.address=10.0.1.3 source.port=5432(Int) destination.address=10.0.1.1 network.tcp.handshake.role=server} 5s..10s 8
`

func TestFilterTellsClustersApart(t *testing.T) {
	in := func(n localize.Name) localize.Name { n.Cluster = "east"; return n }
	web, db := in(shopWeb), in(shopDB)
	edges := []problem.Pair{{Sender: web, Receiver: db}}
	for _, place := range []localize.Place{
		{Kind: localize.KindWorkload, A: db},
		{Kind: localize.KindPair, A: web, B: db},
		{Kind: localize.KindListener, A: db, Port: 5432},
		{Kind: localize.KindPod, A: in(localize.Name{Namespace: "shop", Name: "web-0"})},
		{Kind: localize.KindNode, A: in(localize.Name{Name: "node-1"})},
		{Kind: localize.KindNodePair, A: in(localize.Name{Name: "node-1"}), B: in(localize.Name{Name: "node-2"})},
		{Kind: localize.KindZonePair, A: in(localize.Name{Name: "a"}), B: in(localize.Name{Name: "b"})},
	} {
		for _, level := range []Aggregate{AggregateNone, AggregatePod, AggregateWorkload} {
			cfg, sent := leaves(t, twoShops, level, flowsOfTwoClusters)
			text := newSieve(cfg).filter(&problem.Problem{Finding: problem.Finding{Root: localize.Root{Candidate: localize.Candidate{Place: place}}, Edges: edges}})
			assert.EqualValues(t, 1|4, selected(t, sent, text), "%s at level %s: %s", place, level, text)
		}
	}
}

// Points that have no names of ours leave their cluster to their resource.
func TestFilterOfBareHostsInTwoClusters(t *testing.T) {
	cfg, sent := leaves(t, "", AggregateNone, `resource {k8s.cluster.name=east host.name=bare process.executable.name=curl}
tcp.flow.io sum delta
  {source.address=192.168.7.7 destination.address=10.0.2.1 destination.kind=pod destination.workload.name=db} 5s..10s 1
resource {k8s.cluster.name=west host.name=bare process.executable.name=curl}
tcp.flow.io sum delta
  {source.address=192.168.7.7 destination.address=10.0.2.1 destination.kind=pod destination.workload.name=db} 5s..10s 2
`)
	east := curl
	east.Cluster = "east"
	for _, place := range []localize.Place{
		{Kind: localize.KindWorkload, A: east},
		{Kind: localize.KindWorkload, A: localize.Name{Cluster: "east", Name: "db"}},
		{Kind: localize.KindNode, A: localize.Name{Cluster: "east", Name: "bare"}},
	} {
		text := newSieve(cfg).filter(&problem.Problem{Finding: problem.Finding{Root: localize.Root{Candidate: localize.Candidate{Place: place}}}})
		assert.EqualValues(t, 1, selected(t, sent, text), text)
	}
}
