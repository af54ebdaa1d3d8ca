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
		Kind: identity.KindPod, Pod: name, Place: &identity.Place{Node: "n1", Zone: "z1"},
		Common: &identity.Common{OtherUID: "uid-" + name, Cluster: cluster, Namespace: "shop", Workload: identity.Workload{Kind: kind, Name: workload}},
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
			r := newReducer(cfg, gateway, "gateway", instant(0))
			r.add(md.ResourceMetrics(), instant(10))
			enrich(gateway, md.ResourceMetrics().At(0))
			for what, out := range map[string]pmetric.Metrics{"none": md, "workload": r.write("", instant(11))[0].metrics} {
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

// An agent knows the Services, and the pods of its node. Who is behind one, on another node, the gateway says as
// if no agent had named the Service; unless that is another cluster's.
func TestAGatewayKnowsWhoIsBehindAService(t *testing.T) {
	called := *dbService
	called.Common = &identity.Common{Cluster: "c1", Namespace: "data", Service: "db", ServiceName: "orders", ServiceNamespace: "sales"}
	agent := town{remote: func(to netip.AddrPort, _ uint64) *identity.Identity {
		if to.Addr().String() == "10.96.0.7" {
			return &called
		}
		return nil
	}}
	behind := func(who *identity.Identity) town {
		return town{remote: func(to netip.AddrPort, at uint64) *identity.Identity {
			if to.Addr().String() == "10.0.2.1" {
				return who
			}
			return agent.Remote(to.Addr(), to.Port(), at)
		}}
	}
	const flow = `resource {host.name=node-1 process.pid=7(Int)}
tcp.flow.io sum cumulative
  {source.address=10.0.1.1 destination.address=10.96.0.7 destination.port=80(Int) destination.nat.address=10.0.2.1 destination.nat.port=80(Int)} 5s..10s 1`
	for name, who := range map[string]*identity.Identity{"a pod": db, "a pod in its node's network": node1} {
		t.Run(name, func(t *testing.T) {
			alone, both := parse(t, flow), parse(t, flow)
			enrich(agent, both.ResourceMetrics().At(0))
			assert.Equal(t, names.KindService, text(firstPoint(both), names.Destination.Kind))
			unaware := write(both)
			for _, knows := range []town{{}, agent, behind(podOf("x", "Deployment", "x", "c2"))} {
				enrich(knows, both.ResourceMetrics().At(0))
				assert.Equal(t, unaware, write(both), "who knows no more, or another cluster, changes nothing")
			}
			enrich(behind(who), both.ResourceMetrics().At(0))
			enrich(behind(who), alone.ResourceMetrics().At(0))
			assert.Equal(t, write(alone), write(both))
		})
	}
}
