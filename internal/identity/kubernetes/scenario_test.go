// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build k8s

package kubernetes_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

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
		l.eventually(func() bool { return remote(s, pods[manyPods-1].ips[0], 80, time.Now()) != "stranger" }, "the last has its address")
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
			name: fmt.Sprintf("p%d", i), node: nodeName(l, i), labels: map[string]string{"pod-template-hash": hash},
			owner: &metav1.OwnerReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: fmt.Sprintf("d%d-%s", i/20, hash), UID: "u", Controller: &yes},
			ips:   []string{fmt.Sprintf("10.7.%d.%d", i/250, i%250+1), fmt.Sprintf("fd00:1::%x", i+1)},
		}
		if i%20 == 0 {
			p.hostNetwork, p.ips = true, []string{fmt.Sprintf("192.168.7.%d", i%manyNodes+1)}
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
		Kind: identity.KindPod, Cluster: "c", Namespace: l.namespace, Pod: p.name, PodUID: p.uid, Container: "main",
		Node: p.node, Zone: fmt.Sprintf("z%d", i%manyNodes%3), Workload: identity.Workload{Kind: "Deployment", Name: fmt.Sprintf("d%d", i/20)},
		ServiceName: fmt.Sprintf("d%d", i/20), ServiceNamespace: l.namespace, HostNetwork: p.hostNetwork,
	}
	for what, end := range map[string]identity.Local{
		"container": {ContainerID: p.container(), Address: netip.MustParseAddr("127.0.0.1")},
		"pod":       {PodUID: p.uid},
	} {
		require.Equal(l.t, &want, s.Local(end, now), what)
	}
	for _, ip := range p.ips {
		a := netip.MustParseAddr(ip)
		if p.hostNetwork {
			require.Equal(l.t, p.node, tell(s.Remote(a, 80, now)))
			require.Equal(l.t, p.node, tell(s.Local(identity.Local{Address: a}, now)))
			continue
		}
		require.Equal(l.t, &want, s.Remote(a, 80, now), ip)
		require.Equal(l.t, &want, s.Local(identity.Local{Address: a}, now), ip)
	}
}

// A tenure is when a pod really had an address.
type tenure struct {
	name, ip  string
	got, left time.Time // left is zero as long as it has it
}

// An answer is what was told of an address as of a time.
type answer struct {
	ip, told  string
	asked, at time.Time
}

// TestNoFlowIsWrongWhileAddressesMove hands each of some addresses from pod to pod, at
// once, some by deletion and some because a pod is over, while others ask for them, as
// of now and as of before. The answer is who had it, or unknown.
func TestNoFlowIsWrongWhileAddressesMove(t *testing.T) {
	l := newLive(t)
	s := l.follow()
	const addresses, lives = 10, 20
	var mu sync.Mutex
	var tenures []*tenure
	var group errgroup.Group
	done := make(chan struct{})
	for n := range addresses {
		group.Go(func() error {
			return l.handOver(s, fmt.Sprintf("10.8.0.%d", n+1), fmt.Sprintf("n%d", n), lives, func(f func(*[]*tenure)) {
				mu.Lock()
				defer mu.Unlock()
				f(&tenures)
			})
		})
	}
	answers := make(chan []answer)
	go func() { answers <- askAll(s, addresses, done) }()
	err := group.Wait()
	close(done)
	all := <-answers
	require.NoError(t, err)

	right, unknown := 0, 0
	for _, a := range all {
		holders := truth(tenures, a.ip, a.at)
		switch {
		case a.told == "unknown" || a.told == "stranger":
			if len(holders) == 1 {
				unknown++
			}
		case slices.Contains(holders, a.told):
			right++
		default:
			t.Fatalf("asked at %s who had %s at %s: %s, but it was %q", a.asked, a.ip, a.at, a.told, holders)
		}
	}
	t.Logf("%d lives on %d addresses, %d answers: %d right, %d unknown, none wrong", addresses*lives, addresses, len(all), right, unknown)
	require.Greater(t, right, unknown)
}

// handOver gives one address to one pod after the other. The next one waits for it on
// the node before it is free, and has it within milliseconds.
func (l *live) handOver(s *kubernetes.Source, ip, node string, lives int, with func(func(*[]*tenure))) error {
	var last *pod
	var of *tenure
	for i := range lives {
		next := &pod{name: fmt.Sprintf("%s-%d", node, i), node: node, ips: []string{ip}, once: i%3 == 0}
		if err := l.create(next); err != nil {
			return err
		}
		// A kubelet learns of a pod by a watch, too, and needs longer to give it an address.
		for s.Local(identity.Local{PodUID: next.uid}, 1) == nil {
			time.Sleep(time.Millisecond)
		}
		if last != nil {
			if err := l.leave(last, of, with); err != nil {
				return err
			}
		}
		of = &tenure{name: next.name, ip: ip, got: time.Now()}
		with(func(all *[]*tenure) { *all = append(*all, of) })
		if err := l.start(next); err != nil {
			return err
		}
		last = next
		time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond) // its life
	}
	return nil
}

// leave frees the pod's address. Kubernetes is told after it.
func (l *live) leave(p *pod, of *tenure, with func(func(*[]*tenure))) error {
	if !p.once {
		if err := l.ask(p); err != nil {
			return err
		}
	}
	with(func(*[]*tenure) { of.left = time.Now() })
	if p.once {
		return l.finish(p)
	}
	return l.remove(p)
}

func askAll(s *kubernetes.Source, addresses int, done chan struct{}) (all []answer) {
	for {
		select {
		case <-done:
			return all
		case <-time.After(time.Millisecond):
		}
		ip := fmt.Sprintf("10.8.0.%d", rand.IntN(addresses)+1)
		now := time.Now()
		at := now.Add(-time.Duration(max(0, rand.NormFloat64()*float64(5*time.Second))))
		all = append(all, answer{ip, remote(s, ip, 80, at), now, at})
	}
}

// truth returns who had an address at a time; if nobody had, who had it before and who
// after: nobody talks to it meanwhile.
func truth(tenures []*tenure, ip string, at time.Time) (holders []string) {
	var last, next *tenure
	for _, e := range tenures {
		switch {
		case e.ip != ip:
		case e.got.After(at):
			if next == nil || e.got.Before(next.got) {
				next = e
			}
		case e.left.IsZero() || e.left.After(at):
			return []string{e.name}
		case last == nil || e.left.After(last.left):
			last = e
		}
	}
	holders = []string{"", ""}
	if last != nil {
		holders[0] = last.name
	}
	if next != nil {
		holders[1] = next.name
	}
	return holders
}
