// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"cmp"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// base is when the tests begin.
var base = time.Unix(1_800_000_000, 0)

// A world is a store with a clock.
type world struct {
	t     testing.TB
	store *Store
	clock time.Time
	set   time.Duration // by how much the clock is ahead of the true time
}

// time is the world's clock, which may be set, and what truly elapsed.
func (w *world) time() Clock {
	return Clock{
		Now:     func() time.Time { return w.clock },
		Elapsed: func() time.Duration { return w.clock.Add(-w.set).Sub(base) },
	}
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, clock: base}
	w.store = NewStore(&Config{ClusterName: "c"}, w.time())
	return w
}

// at is some seconds after the beginning.
func (w *world) at(seconds float64) *world {
	w.clock = base.Add(w.set + time.Duration(seconds*float64(time.Second)))
	return w
}

func (w *world) see(object any) {
	w.t.Helper()
	require.NoError(w.t, w.sink(object).Add(object))
}

func (w *world) lose(object any) {
	w.t.Helper()
	require.NoError(w.t, w.sink(object).Delete(object))
}

func (w *world) sink(object any) cache.ReflectorStore {
	switch object.(type) {
	case *corev1.Pod:
		return w.store.Pods()
	case *corev1.Service:
		return w.store.Services()
	}
	return w.store.Nodes()
}

// remote returns who had an address some seconds after the beginning, by pod, service,
// or node name.
func (w *world) remote(address string, port uint16, seconds float64) string {
	at := base.Add(time.Duration(seconds * float64(time.Second)))
	return tell(w.store.Remote(netip.MustParseAddr(address), port, uint64(at.UnixNano())))
}

func tell(id *identity.Identity) string {
	switch {
	case id == nil:
		return "stranger"
	case id.Kind == identity.KindUnknown:
		return "unknown"
	case id.Kind == identity.KindService:
		return id.Service
	case id.Kind == identity.KindNode:
		return id.Node
	}
	return id.Pod
}

// A spec makes a pod. Times are in seconds after the beginning.
type spec struct {
	name, node  string
	ips         []string
	created     float64
	started     float64 // its container; 0: not yet
	deleting    float64 // when its deletion was asked for; 0: not
	hostNetwork bool
	once        bool // it may finish by itself
	containers  int
}

func (s spec) pod() *corev1.Pod {
	p := &corev1.Pod{}
	p.Name, p.Namespace, p.UID = s.name, "shop", types.UID("uid-of-"+s.name)
	p.CreationTimestamp = seconds(s.created)
	acknowledged := seconds(s.created)
	p.Status.StartTime = &acknowledged
	p.Spec.NodeName, p.Spec.HostNetwork = s.node, s.hostNetwork
	p.Spec.RestartPolicy = corev1.RestartPolicyAlways
	if s.once {
		p.Spec.RestartPolicy = corev1.RestartPolicyNever
	}
	for _, ip := range s.ips {
		p.Status.PodIPs = append(p.Status.PodIPs, corev1.PodIP{IP: ip})
	}
	for i := range max(s.containers, 1) {
		name := fmt.Sprintf("c%d", i)
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: name})
		status := corev1.ContainerStatus{Name: name}
		if s.started != 0 {
			status.ContainerID = "containerd://id-of-" + s.name + "-" + name
			status.State.Running = &corev1.ContainerStateRunning{StartedAt: seconds(s.started)}
		}
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, status)
	}
	if s.deleting != 0 {
		deadline, grace := seconds(s.deleting+30), int64(30)
		p.DeletionTimestamp, p.DeletionGracePeriodSeconds = &deadline, &grace
	}
	return p
}

// seconds is a time as Kubernetes tells it: cut to the second.
func seconds(after float64) metav1.Time {
	return metav1.NewTime(base.Add(time.Duration(after) * time.Second))
}

func TestWholePod(t *testing.T) {
	w := newWorld(t).at(5)
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1", Labels: map[string]string{corev1.LabelTopologyZone: "z1"}}}
	w.see(n)
	w.see(spec{name: "cart", node: "n1", ips: []string{"10.0.0.1", "fd00::1"}, started: 1}.pod())
	want := identity.Identity{
		Kind: identity.KindPod, Pod: "cart", Place: &identity.Place{Node: "n1", Zone: "z1"},
		Common: &identity.Common{
			OtherUID: "uid-of-cart", Cluster: "c", Namespace: "shop", Container: "c0", Workload: identity.Workload{Kind: "Pod", Name: "cart"},
			ServiceName: "cart", ServiceNamespace: "shop",
		},
	}
	now := uint64(w.clock.UnixNano())
	for _, id := range []*identity.Identity{
		w.store.Remote(netip.MustParseAddr("10.0.0.1"), 80, now),
		w.store.Remote(netip.MustParseAddr("fd00::1"), 0, now),
		w.store.Local(identity.Local{ContainerID: "id-of-cart-c0"}, now),
		w.store.Local(identity.Local{ContainerID: "of the pause", PodUID: "uid-of-cart"}, now),
		w.store.Local(identity.Local{Address: netip.MustParseAddr("fd00::1")}, now),
	} {
		require.Equal(t, &want, id)
	}
}

// TestInitContainerIsKnownWhileItWorks has one that failed once, works, and has done its work:
// what it said is its pod's then, and not that of the container that is left.
func TestInitContainerIsKnownWhileItWorks(t *testing.T) {
	w := newWorld(t).at(9)
	p := spec{name: "cart", node: "n1", ips: []string{"10.0.0.1"}}.pod()
	p.Spec.InitContainers = []corev1.Container{{Name: "init"}}
	p.Status.InitContainerStatuses = []corev1.ContainerStatus{{
		Name: "init", ContainerID: "containerd://init-id",
		State:                corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: seconds(5)}},
		LastTerminationState: corev1.ContainerState{Terminated: before(1, 4)},
	}}
	p.Status.InitContainerStatuses[0].LastTerminationState.Terminated.ExitCode = 1
	w.see(p)
	who := func(container string) (pod, name string) {
		id := w.store.Local(identity.Local{ContainerID: container, PodUID: "uid-of-cart"}, uint64(w.clock.UnixNano()))
		require.NotNil(t, id)
		return id.Pod, cmp.Or(id.Container, w.store.ContainerName(container))
	}
	for container, want := range map[string]string{"init-id": "init", "before": "init", "id-of-cart-c0": ""} {
		pod, name := who(container)
		require.Equal(t, [2]string{"cart", want}, [2]string{pod, name}, container)
	}
	done := spec{name: "cart", node: "n1", ips: []string{"10.0.0.1"}, started: 8}.pod()
	done.Spec.InitContainers = p.Spec.InitContainers
	done.Status.InitContainerStatuses = []corev1.ContainerStatus{{
		Name: "init", ContainerID: "containerd://init-id",
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ContainerID: "containerd://init-id"}},
	}}
	w.see(done)
	for container, want := range map[string]string{"init-id": "", "before": "", "id-of-cart-c0": "c0"} {
		pod, name := who(container)
		require.Equal(t, [2]string{"cart", want}, [2]string{pod, name}, container)
	}
}

func TestRestartedContainerIsKnownByBothIDs(t *testing.T) {
	w := newWorld(t).at(9)
	p := spec{name: "cart", node: "n1", ips: []string{"10.0.0.1"}, started: 8}.pod()
	p.Status.ContainerStatuses[0].LastTerminationState.Terminated = before(1, 7)
	w.see(p)
	for _, id := range []string{"id-of-cart-c0", "before"} {
		require.Equal(t, "c0", w.store.Local(identity.Local{ContainerID: id}, 1).Container)
	}
	require.Equal(t, "cart", w.remote("10.0.0.1", 80, 3))
}

// before is the end of a container that ran before.
func before(started, finished float64) *corev1.ContainerStateTerminated {
	return &corev1.ContainerStateTerminated{
		ContainerID: "containerd://before", StartedAt: seconds(started), FinishedAt: seconds(finished),
	}
}

func TestStaticPodIsKnownByItsCgroup(t *testing.T) {
	w := newWorld(t).at(5)
	p := spec{name: "apiserver-n1", node: "n1", hostNetwork: true, started: 1}.pod()
	p.Annotations = map[string]string{mirrorAnnotation: "0123456789abcdef0123456789abcdef"}
	w.see(p)
	for _, uid := range []string{"uid-of-apiserver-n1", "0123456789abcdef0123456789abcdef"} {
		id := w.store.Local(identity.Local{PodUID: uid}, 1)
		require.Equal(t, "apiserver-n1", id.Pod)
		require.True(t, id.HostNetwork)
	}
}

func nodeObject(name string, zone string, addresses ...string) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: seconds(0), Labels: map[string]string{corev1.LabelTopologyZone: zone}}}
	n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: name}}
	for _, a := range addresses {
		n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: a})
	}
	return n
}

func TestHostNetworkIsNeverGuessedByAddress(t *testing.T) {
	w := newWorld(t).at(5)
	w.see(nodeObject("n1", "z1", "192.168.0.1"))
	for _, name := range []string{"proxy", "exporter"} {
		p := spec{name: name, node: "n1", ips: []string{"192.168.0.1"}, started: 1, hostNetwork: true}.pod()
		w.see(p)
	}
	require.Equal(t, "n1", w.remote("192.168.0.1", 9100, 5))
	now := uint64(w.clock.UnixNano())
	require.Equal(t, "exporter", w.store.Local(identity.Local{ContainerID: "id-of-exporter-c0", Address: netip.MustParseAddr("192.168.0.1")}, now).Pod)
	require.Equal(t, "n1", tell(w.store.Local(identity.Local{ContainerID: "not seen yet", Address: netip.MustParseAddr("192.168.0.1")}, now)))
	require.Equal(t, "n1", tell(w.store.Local(identity.Local{HostName: "n1", Address: netip.MustParseAddr("127.0.0.1")}, now)))
	require.Nil(t, w.store.Local(identity.Local{ContainerID: "not seen yet", HostName: "n1", Address: netip.MustParseAddr("127.0.0.1")}, now))
}

// TestNodeIsDeletedBeforeItsPods as by a cluster that shrinks.
func TestNodeIsDeletedBeforeItsPods(t *testing.T) {
	w := newWorld(t).at(5)
	n, p := nodeObject("n1", "z1"), spec{name: "cart", node: "n1", ips: []string{"10.0.0.1"}, started: 1}
	other := spec{name: "web", node: "n2", ips: []string{"10.0.0.2"}, started: 1}
	w.see(n)
	w.see(nodeObject("n2", "z2"))
	w.see(p.pod())
	w.see(other.pod())
	w.at(10).lose(n)
	p.deleting = 11
	w.at(11).see(p.pod())
	require.Equal(t, "z1", w.store.Local(identity.Local{PodUID: "uid-of-cart"}, 1).Zone)
	w.at(300).store.expire()
	require.Contains(t, w.store.onNode, "n1", "its pod is not gone")
	w.lose(p.pod())
	require.Equal(t, "z1", w.store.Local(identity.Local{PodUID: "uid-of-cart"}, 1).Zone)
	w.at(500).store.expire()
	require.Len(t, w.store.onNode, 1, "n2 is left")
	require.Nil(t, w.store.Local(identity.Local{PodUID: "uid-of-cart"}, 1))
}

// TestZoneOfAnAddressThatThePodHadBefore is that of the node, as it is of the pod itself.
func TestZoneOfAnAddressThatThePodHadBefore(t *testing.T) {
	w := newWorld(t).at(5)
	w.see(nodeObject("n1", "z1"))
	w.see(spec{name: "cart", node: "n1", ips: []string{"10.0.0.1", "fd00::1"}, started: 1}.pod())
	changed := spec{name: "cart", node: "n1", ips: []string{"10.0.0.2", "fd00::1"}, started: 1}
	w.at(10).see(changed.pod())
	w.see(nodeObject("n1", "z2"))
	for address, at := range map[string]float64{"10.0.0.1": 8, "10.0.0.2": 10, "fd00::1": 10} {
		id := w.store.Remote(netip.MustParseAddr(address), 80, uint64(base.UnixNano())+uint64(at*1e9))
		require.Equal(t, "z2", id.Zone, address)
	}
	for _, k := range uidKeys(w.store.byUID("uid-of-cart")) {
		one, many := w.store.uids.get(k)
		require.NotNil(t, one, "the copy is known by its address only: %v", many)
	}
	w.at(500).store.expire()
	require.Equal(t, "stranger", w.remote("10.0.0.1", 80, 8))
	require.Equal(t, "cart", w.remote("10.0.0.2", 80, 500))
}

func TestZoneComesAfterThePod(t *testing.T) {
	w := newWorld(t).at(5)
	w.see(spec{name: "cart", node: "n1", ips: []string{"10.0.0.1", "fd00::1"}, started: 1, containers: 2}.pod())
	w.lose(spec{name: "cart", node: "n1", ips: []string{"10.0.0.1", "fd00::1"}, started: 1, containers: 2}.pod())
	w.see(spec{name: "web", node: "n1", ips: []string{"10.0.0.2"}, started: 1}.pod())
	w.see(nodeObject("n1", "z1"))
	now := uint64(w.clock.UnixNano())
	for _, a := range []string{"10.0.0.1", "fd00::1", "10.0.0.2"} {
		require.Equal(t, "z1", w.store.Remote(netip.MustParseAddr(a), 80, now).Zone, a)
	}
	w.see(nodeObject("n1", "z2"))
	require.Equal(t, "z2", w.store.Local(identity.Local{ContainerID: "id-of-cart-c1"}, now).Zone)
	w.at(500).store.expire()
	require.Equal(t, "stranger", w.remote("fd00::1", 80, 5))
}
