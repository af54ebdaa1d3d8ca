// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/tcpwhy/tcpwhy/internal/identity/kubernetes"
)

// shapes prints what a store of many pods takes, by what these have.
func (b *bench) shapes() error {
	t := newTable(fmt.Sprintf("Memory of %d pods", manyPods), "with", "bytes a pod", "MiB")
	for _, shape := range []struct {
		with   string
		change func(int, *corev1.Pod)
	}{
		{"one container and address", func(int, *corev1.Pod) {}},
		{"two addresses", addAddress},
		{"an init container that has done its work", addInit},
		{"such a one, and a sidecar", addSidecar},
		{"all of these", func(i int, p *corev1.Pod) {
			addAddress(i, p)
			addSidecar(i, p)
		}},
	} {
		_, size, err := crowdOf(manyPods, shape.change)
		if err != nil {
			return err
		}
		t.row(shape.with, number(size/manyPods), number(size/(1<<20)))
	}
	t.note("wanted: 300 bytes a pod, and 20 MiB")
	return t.print(b.out)
}

// crowdOf is a store of so many pods, each changed by change, and the bytes that it takes.
func crowdOf(pods int, change func(int, *corev1.Pod)) (*kubernetes.Store, float64, error) {
	store := kubernetes.NewStore(&kubernetes.Config{}, kubernetes.Clock{Now: time.Now})
	before := heap()
	for i := range pods {
		p := podNumber(i)
		change(i, p)
		if err := store.Pods().Add(p); err != nil {
			return nil, 0, fmt.Errorf("add pod: %w", err)
		}
	}
	return store, float64(heap() - before), nil
}

func addAddress(i int, p *corev1.Pod) {
	p.Status.PodIPs = append(p.Status.PodIPs, corev1.PodIP{IP: fmt.Sprintf("fd00::%x", i+1)})
}

func addInit(i int, p *corev1.Pod) {
	id := "containerd://" + containerNumber(2*manyPods+i)
	p.Spec.InitContainers = []corev1.Container{{Name: "init"}}
	p.Status.InitContainerStatuses = []corev1.ContainerStatus{{
		Name: "init", ContainerID: id,
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ContainerID: id}},
	}}
}

func addSidecar(i int, p *corev1.Pod) {
	addInit(i, p)
	proxy := p.Status.ContainerStatuses[0]
	proxy.Name, proxy.ContainerID = "proxy", "containerd://"+containerNumber(manyPods+i)
	p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: proxy.Name})
	p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, proxy)
}
