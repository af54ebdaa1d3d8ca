// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build k8s

package kubernetes_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/identity/kubernetes"
	"github.com/tcpwhy/tcpwhy/internal/testutil/apiserver"
)

const (
	manyNodes = 50
	manyPods  = 2000
)

// TestEveryFlowIsRight is a cluster of 2,000 pods on 50 nodes, in which nothing
// happens: every answer is right.
func TestEveryFlowIsRight(t *testing.T) {
	l := newLive(t)
	for n := range manyNodes {
		l.node(nodeName(l, n), fmt.Sprintf("z%d", n%3), fmt.Sprintf("192.168.7.%d", n+1), fmt.Sprintf("fd00:7::%x", n+1))
	}
	early := l.follow() // it sees pods come; late lists them
	pods := l.crowd()
	late := l.open(apiserver.AdminToken, kubernetes.Config{
		ClusterName: "c", KubeAPIBurst: 20, // so that it shares nothing with early
		Filter: kubernetes.FilterConfig{Namespace: l.namespace}, WaitForMetadata: true, WaitForMetadataTimeout: patience})
	services := l.services()
	for _, s := range []*kubernetes.Source{early, late} {
		l.eventually(func() bool { return s.Status().Sizes.Pods == manyPods && s.Status().Sizes.Services == len(services)-1 }, "all are seen")
		l.eventually(func() bool { return remote(s, pods[manyPods-1].IPs[0], 80, time.Now()) != "stranger" }, "the last has its address")
		for i, p := range pods {
			l.check(s, i, p)
		}
		for name, addresses := range services {
			for _, a := range addresses {
				require.Equal(t, name, remote(s, a, 80, time.Now()), a)
			}
		}
		require.Equal(t, "unknown", remote(s, "203.0.113.7", 22, time.Now()), "a load balancer's other port")
		require.Equal(t, nodeName(l, 3), remote(s, "fd00:7::4", 22, time.Now()))
	}
}

func nodeName(l *live, n int) string { return fmt.Sprintf("%s-n%d", l.namespace, n%manyNodes) }

// crowd makes 2,000 pods of Deployments, of two addresses each; every twentieth is in
// its node's network.
func (l *live) crowd() []*pod {
	pods := make([]*pod, manyPods)
	yes := true
	var group errgroup.Group
	group.SetLimit(32)
	for i := range pods {
		hash := fmt.Sprintf("%x", 0x7d9f8+i/20)
		p := &pod{
			Name: fmt.Sprintf("p%d", i), Node: nodeName(l, i), Labels: map[string]string{"pod-template-hash": hash},
			Owner: &metav1.OwnerReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: fmt.Sprintf("d%d-%s", i/20, hash), UID: "u", Controller: &yes},
			IPs:   []string{fmt.Sprintf("10.7.%d.%d", i/250, i%250+1), fmt.Sprintf("fd00:1::%x", i+1)},
		}
		if i%20 == 0 {
			p.HostNetwork, p.IPs = true, []string{fmt.Sprintf("192.168.7.%d", i%manyNodes+1)}
		}
		pods[i] = p
		group.Go(func() error {
			if err := l.create(p); err != nil {
				return err
			}
			return l.start(p)
		})
	}
	require.NoError(l.t, group.Wait())
	return pods
}

// services makes one of each kind and returns their addresses.
func (l *live) services() map[string][]string {
	port := []corev1.ServicePort{{Port: 80}}
	both := corev1.IPFamilyPolicyRequireDualStack
	headless := l.service("headless", corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone, Ports: port})
	require.Equal(l.t, []string{corev1.ClusterIPNone}, headless)
	return map[string][]string{
		"headless": nil,
		"cluster":  l.service("cluster", corev1.ServiceSpec{Ports: port}),
		"dual":     l.service("dual", corev1.ServiceSpec{Ports: port, IPFamilyPolicy: &both}),
		"balanced": append(l.service("balanced", corev1.ServiceSpec{Ports: port, Type: corev1.ServiceTypeLoadBalancer}, "203.0.113.7"), "203.0.113.7"),
		"outer":    append(l.service("outer", corev1.ServiceSpec{Ports: port, ExternalIPs: []string{"203.0.113.8"}}), "203.0.113.8"),
	}
}

// check asks for both ends of a pod's flows.
func (l *live) check(s *kubernetes.Source, i int, p *pod) {
	now := uint64(time.Now().UnixNano())
	want := identity.Identity{
		Kind: identity.KindPod, HostNetwork: p.HostNetwork, Pod: p.Name, PodUUID: uuid.MustParse(p.UID),
		Place: &identity.Place{Node: p.Node, Zone: fmt.Sprintf("z%d", i%manyNodes%3)},
		Common: &identity.Common{
			Cluster: "c", Namespace: l.namespace, Container: "main", Workload: identity.Workload{Kind: "Deployment", Name: fmt.Sprintf("d%d", i/20)},
			ServiceName: fmt.Sprintf("d%d", i/20), ServiceNamespace: l.namespace,
		},
	}
	for what, end := range map[string]identity.Local{
		"container": {ContainerID: p.Container(), Address: netip.MustParseAddr("127.0.0.1")},
		"pod":       {PodUID: p.UID},
	} {
		require.Equal(l.t, &want, s.Local(end, now), what)
	}
	for _, ip := range p.IPs {
		a := netip.MustParseAddr(ip)
		if p.HostNetwork {
			require.Equal(l.t, p.Node, kubernetes.Tell(s.Remote(a, 80, now)))
			require.Equal(l.t, p.Node, kubernetes.Tell(s.Local(identity.Local{Address: a}, now)))
			continue
		}
		require.Equal(l.t, &want, s.Remote(a, 80, now), ip)
		require.Equal(l.t, &want, s.Local(identity.Local{Address: a}, now), ip)
	}
}
