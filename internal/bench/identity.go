// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

const manyPods = 50_000

// identity prints what a store of many pods takes, and what a look-up does: of pods in
// turn, so that none is in the processor's cache from the last time.
func (b *bench) identity() error {
	if err := b.shapes(); err != nil {
		return err
	}
	const pods = manyPods
	store, _, err := crowdOf(pods, func(int, *corev1.Pod) {})
	if err != nil {
		return err
	}
	meshed, _, err := crowdOf(pods, addSidecar)
	if err != nil {
		return err
	}
	at := uint64(time.Now().UnixNano())
	ends := make([]identity.Local, pods)
	for i := range ends {
		ends[i].ContainerID = containerNumber(i)
	}
	t := newTable(fmt.Sprintf("Looking up one of %d pods", pods), "", "CPU, ns", "objects allocated")
	for _, look := range []struct {
		what string
		up   func(int) *identity.Identity
	}{
		{"source, by container", func(i int) *identity.Identity { return store.Local(ends[i], at) }},
		{"source, by container beside a sidecar", func(i int) *identity.Identity { return meshed.Local(ends[i], at) }},
		{"one container, again and again", func(int) *identity.Identity { return store.Local(ends[0], at) }},
		{"destination, by address", func(i int) *identity.Identity { return store.Remote(addressNumber(i), 80, at) }},
		{"destination, unknown", func(i int) *identity.Identity { return store.Remote(addressNumber(pods+i), 80, at) }},
	} {
		cost, objects, err := b.lookUp(pods, look.up)
		if err != nil {
			return err
		}
		t.row(look.what, number(cost), fmt.Sprintf("%.4f", objects))
	}
	t.note("wanted: 100 ns, and nothing allocated")
	runtime.KeepAlive(store)
	runtime.KeepAlive(meshed)
	return t.print(b.out)
}

// lookUp returns the CPU time (ns) and the objects of a look-up, the median of some
// rounds through all pods.
func (b *bench) lookUp(pods int, up func(int) *identity.Identity) (cost, objects float64, err error) {
	var costs, allocated []float64
	for range b.repetitions {
		start, err := readUsage()
		if err != nil {
			return 0, 0, err
		}
		for i, n := 0, 0; n < pods; n++ {
			up(i)
			if i += 7919; i >= pods {
				i -= pods
			}
		}
		end, err := readUsage()
		if err != nil {
			return 0, 0, err
		}
		costs = append(costs, float64((end.cpu-start.cpu).Nanoseconds())/float64(pods))
		allocated = append(allocated, float64(end.objects-start.objects)/float64(pods))
	}
	return median(costs), median(allocated), nil
}

// podNumber is one of many as they are: 100 pods a node, 20 a Deployment.
func podNumber(i int) *corev1.Pod {
	yes := true
	workload := fmt.Sprintf("service-%d", i/20)
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: fmt.Sprintf("%s-7d9f8b6c5d-%05d", workload, i), Namespace: fmt.Sprintf("team-%d", i/1000),
		UID:             types.UID(fmt.Sprintf("8d7dd7d8-5b2f-4c3e-9a7e-%012d", i)),
		Labels:          map[string]string{"pod-template-hash": "7d9f8b6c5d"},
		OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: workload + "-7d9f8b6c5d", Controller: &yes}},
	}}
	p.Spec.NodeName = fmt.Sprintf("ip-10-0-%d-%d.eu-central-1.compute.internal", i/25600, i/100%256)
	p.Spec.Containers = []corev1.Container{{Name: "main"}}
	p.Status.PodIPs = []corev1.PodIP{{IP: addressNumber(i).String()}}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "main", ContainerID: "containerd://" + containerNumber(i),
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Unix(1, 0)}},
	}}
	return p
}

func addressNumber(i int) netip.Addr {
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], 10<<24+uint32(i))
	return netip.AddrFrom4(a)
}

func containerNumber(i int) string { return fmt.Sprintf("%064x", i) }
