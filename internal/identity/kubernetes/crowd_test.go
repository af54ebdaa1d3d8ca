// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// crowdPod is one of many: 100 pods a node, 20 a workload, names as they are.
func crowdPod(i int) *corev1.Pod {
	yes := true
	workload := fmt.Sprintf("service-%d", i/20)
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name:      fmt.Sprintf("%s-7d9f8b6c5d-%05d", workload, i),
		Namespace: fmt.Sprintf("team-%d", i/1000),
		UID:       types.UID(fmt.Sprintf("8d7dd7d8-5b2f-4c3e-9a7e-%012d", i)),
		Labels:    map[string]string{hashLabel: "7d9f8b6c5d"},
		OwnerReferences: []metav1.OwnerReference{
			{Kind: "ReplicaSet", Name: workload + "-7d9f8b6c5d", Controller: &yes},
		},
		CreationTimestamp: seconds(0),
	}}
	p.Spec.NodeName = fmt.Sprintf("ip-10-0-%d-%d.eu-central-1.compute.internal", i/25600, i/100%256)
	p.Spec.Containers = []corev1.Container{{Name: "main"}}
	p.Status.PodIPs = []corev1.PodIP{{IP: crowdAddress(i).String()}}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "main", ContainerID: "containerd://" + crowdContainer(i),
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: seconds(1)}},
	}}
	return p
}

func crowdAddress(i int) netip.Addr {
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], 10<<24+uint32(i))
	return netip.AddrFrom4(a)
}

func crowdContainer(i int) string { return fmt.Sprintf("%064x", i) }

// crowd is a store of so many pods, each changed by f, with what the heap has more.
func crowd(t testing.TB, pods int, f func(int, *corev1.Pod)) (*world, int) {
	w := newWorld(t).at(60)
	before := heap()
	for i := range pods {
		p := crowdPod(i)
		f(i, p)
		w.see(p)
	}
	return w, heap() - before
}

func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestMemory(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(pod{}), uintptr(112), "a size of the allocator")
	const pods, limit, each = 50_000, 20 << 20, 300
	_, most := crowd(t, pods, func(i int, p *corev1.Pod) {
		dual(i, p)
		meshed(i, p)
	})
	t.Logf("%d pods, all of these: %.1f MiB, %d B a pod", pods, float64(most)/(1<<20), most/pods)
	require.Less(t, most, limit)
	for what, f := range map[string]func(int, *corev1.Pod){
		"one address and container":                func(int, *corev1.Pod) {},
		"two addresses":                            dual,
		"an init container that has done its work": begun,
		"one more, and a sidecar":                  meshed,
	} {
		w, size := crowd(t, pods, f)
		t.Logf("%d pods, %s: %.1f MiB, %d B a pod", pods, what, float64(size)/(1<<20), size/pods)
		require.LessOrEqual(t, size/pods, each)
		require.Equal(t, pods, w.store.sizes.Pods)
		for i := range pods {
			w.lose(crowdPod(i))
		}
		w.at(1000).store.expire()
		left := 0
		w.store.uids.each(func(*pod) { left++ })
		w.store.containers.each(func(*pod) { left++ })
		w.store.v4.each(func(*pod) { left++ })
		w.store.v6.each(func(*pod) { left++ })
		require.Zero(t, left, "all are forgotten")
	}
}

// dual gives a pod a second address.
func dual(i int, p *corev1.Pod) {
	p.Status.PodIPs = append(p.Status.PodIPs, corev1.PodIP{IP: fmt.Sprintf("fd00::%x", i+1)})
}

// meshed gives a pod what a service mesh adds: a container that has done its work, and a sidecar.
func meshed(i int, p *corev1.Pod) {
	begun(i, p)
	sidecar := p.Status.ContainerStatuses[0]
	sidecar.Name, sidecar.ContainerID = "proxy", "containerd://"+crowdContainer(i+1_000_000)
	p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: sidecar.Name})
	p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, sidecar)
}

// begun gives a pod an init container that has done its work.
func begun(i int, p *corev1.Pod) {
	p.Spec.InitContainers = []corev1.Container{{Name: "init"}}
	p.Status.InitContainerStatuses = []corev1.ContainerStatus{{
		Name: "init", ContainerID: "containerd://" + crowdContainer(i+2_000_000),
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ContainerID: "containerd://" + crowdContainer(i+2_000_000),
		}},
	}}
}

func TestLookupsAllocateNothing(t *testing.T) {
	w, _ := crowd(t, 100, func(int, *corev1.Pod) {})
	w.see(nodeObject("n1", "z1", "192.168.0.1"))
	w.see(serviceObject("web", []string{"10.96.0.1"}, 80))
	at := uint64(w.clock.UnixNano())
	for what, ask := range asks(w.store, at) {
		require.NotNil(t, ask(7), what)
		require.Zero(t, testing.AllocsPerRun(100, func() { ask(7) }), what)
	}
}

// asks are look-ups, each of one of many pods.
func asks(s *Store, at uint64) map[string]func(int) *identity.Identity {
	containers := make([]string, 100)
	uids := make([]string, 100)
	for i := range containers {
		containers[i], uids[i] = crowdContainer(i*500), string(crowdPod(i*500).UID)
	}
	containers[7], uids[7] = crowdContainer(7), string(crowdPod(7).UID)
	fresh := []byte(crowdContainer(0))
	service, node := netip.MustParseAddr("10.96.0.1"), netip.MustParseAddr("192.168.0.1")
	return map[string]func(int) *identity.Identity{
		"container":     func(i int) *identity.Identity { return s.Local(identity.Local{ContainerID: containers[i%100]}, at) },
		"any container": func(i int) *identity.Identity { return s.Local(identity.Local{ContainerID: rewritten(fresh, i)}, at) },
		"uid":           func(i int) *identity.Identity { return s.Local(identity.Local{PodUID: uids[i%100]}, at) },
		"pod":           func(i int) *identity.Identity { return s.Remote(crowdAddress(i), 80, at) },
		"service":       func(int) *identity.Identity { return s.Remote(service, 80, at) },
		"node":          func(int) *identity.Identity { return s.Remote(node, 80, at) },
	}
}

// rewritten is crowdContainer(i) in a buffer, which holds another's: as a decoder leaves an id, in the
// processor's cache. That of 50,000 strings made before costs a look-up more than all the rest.
func rewritten(buffer []byte, i int) string {
	for at := len(buffer) - 1; at >= len(buffer)-5; at-- {
		buffer[at] = "0123456789abcdef"[i&15]
		i >>= 4
	}
	return unsafe.String(unsafe.SliceData(buffer), len(buffer))
}

func BenchmarkLookup(b *testing.B) {
	w, _ := crowd(b, 50_000, func(int, *corev1.Pod) {})
	w.see(nodeObject("n1", "z1", "192.168.0.1"))
	w.see(serviceObject("web", []string{"10.96.0.1"}, 80))
	for what, ask := range asks(w.store, uint64(w.clock.UnixNano())) {
		b.Run(what, func(b *testing.B) {
			b.ReportAllocs()
			i, start := 0, processor()
			for b.Loop() {
				ask(i)
				if i += 7919; i >= 50_000 {
					i -= 50_000
				}
			}
			b.ReportMetric(float64(processor()-start)/float64(b.N), "cpu-ns/op")
		})
	}
}

// processor is the time that this process used, in ns: others may use the machine.
func processor() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkPut is what a change of a pod costs, with reading it from the API's object.
func BenchmarkPut(b *testing.B) {
	w, _ := crowd(b, 50_000, func(int, *corev1.Pod) {})
	p := crowdPod(25_000)
	b.ReportAllocs()
	for b.Loop() {
		w.see(p)
	}
}
