// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

func podOf(name, kind, workload, cluster string) *identity.Identity {
	return &identity.Identity{
		Kind: identity.KindPod, Pod: name, PodUID: "uid-" + name, Place: &identity.Place{Node: "n1", Zone: "z1"},
		Common: &identity.Common{Cluster: cluster, Namespace: "shop", Workload: identity.Workload{Kind: kind, Name: workload}},
	}
}

// flowOf is one point of a resource's flow to an address.
func flowOf(t *testing.T, resource, to string) pmetric.Metrics {
	return parse(t, "resource {"+resource+"}\ntcp.flow.io sum cumulative\n"+
		"  {source.address=10.0.0.1 destination.address="+to+" destination.port=80(Int) network.tcp.handshake.role=client} 5s..10s 1")
}

func firstPoint(md pmetric.Metrics) pcommon.Map {
	return md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().At(0).Attributes()
}

// An agent that does not know a pod yet, but its UID, calls its workload by the process. The gateway knows
// better, whether it adds up or not; and an agent that knows the pod, but no owner.
func TestAGatewayKnowsTheWorkload(t *testing.T) {
	gateway := town{local: func(identity.Local, uint64) *identity.Identity { return podOf("cart-0", "StatefulSet", "cart", "") }}
	for name, agent := range map[string]town{
		"the UID only": {},
		"no owner":     {local: func(identity.Local, uint64) *identity.Identity { return podOf("cart-0", "", "", "") }},
	} {
		t.Run(name, func(t *testing.T) {
			md := flowOf(t, "host.name=n1 k8s.pod.uid=uid-cart-0 container.id=c process.pid=7(Int) process.executable.name=java", "10.0.0.2")
			enrich(agent, md.ResourceMetrics().At(0))
			assert.NotEqual(t, "StatefulSet", text(firstPoint(md), names.Source.WorkloadKind))
			cfg := CreateDefaultConfig().(*Config)
			cfg.Aggregate = AggregateWorkload
			r := newReducer(cfg, gateway, "gateway", 1)
			r.add(md.ResourceMetrics(), uint64(second(10)))
			enrich(gateway, md.ResourceMetrics().At(0))
			for what, out := range map[string]pmetric.Metrics{"none": md, "workload": r.write("", uint64(second(11)))[0].metrics} {
				assert.Equal(t, "cart", text(firstPoint(out), names.Source.WorkloadName), what)
				assert.Equal(t, "StatefulSet", text(firstPoint(out), names.Source.WorkloadKind), what)
			}
			enrich(town{}, md.ResourceMetrics().At(0))
			assert.Equal(t, "cart", text(firstPoint(md), names.Source.WorkloadName), "who knows less changes nothing")
		})
	}
}

// Where only one end tells its cluster, as a resource detector writes it, two pods on one node are on one host.
func TestSameHostWithoutACluster(t *testing.T) {
	for cluster, same := range map[string]bool{"": true, "prod": true, "other": false} {
		d := town{
			local:  func(identity.Local, uint64) *identity.Identity { return podOf("a", "Deployment", "a", "") },
			remote: func(netip.AddrPort, uint64) *identity.Identity { return podOf("b", "Deployment", "b", cluster) },
		}
		md := flowOf(t, "k8s.pod.uid=uid-a k8s.cluster.name=prod", "10.0.0.2")
		enrich(d, md.ResourceMetrics().At(0))
		is, known := firstPoint(md).Get(names.SameHost)
		assert.True(t, known && is.Bool() == same, cluster)
	}
}

// An agent of another cluster may have a node of the same name: it is not the gateway's.
func TestANodeOfAnotherCluster(t *testing.T) {
	node := &identity.Identity{
		Kind: identity.KindNode, Common: &identity.Common{Cluster: "a"}, Place: &identity.Place{Node: "n1", Zone: "zone-of-a"},
	}
	d := town{local: func(identity.Local, uint64) *identity.Identity { return node }}
	for cluster, zone := range map[string]string{"a": "zone-of-a", "b": ""} {
		md := flowOf(t, "host.name=n1 process.pid=7(Int) k8s.cluster.name="+cluster, "10.0.0.2")
		enrich(d, md.ResourceMetrics().At(0))
		assert.Equal(t, zone, text(firstPoint(md), names.Source.Zone))
	}
}
