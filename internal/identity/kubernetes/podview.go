// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"net/netip"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// mirrorAnnotation has the UID that the kubelet gives a static pod, which is the one in
// its cgroups' names. The API server's object of it has another.
const mirrorAnnotation = "kubernetes.io/config.hash"

// A podView is what is needed of a pod. The reflector holds these, and no whole pods,
// while it lists.
type podView struct {
	metav1.ObjectMeta // for the reflector: name, namespace and version only

	namespace, name, uid, mirror  string
	node                          string
	workload                      identity.Workload
	serviceName, serviceNamespace string
	v4, v6                        netip.Addr // not those of a node
	hostNetwork                   bool
	alone                         bool // only one container may ever send
	containers                    []containerView

	// Times in ns since 1970. created and acknowledged (by the kubelet) are before it
	// had an address. started is when the first one that runs did, or forever: those that
	// ended may have had another address, as before the node's restart. Since doubt
	// it may have given its addresses back before anybody was told: since its deletion
	// was asked for, or ever if it may finish by itself.
	created, acknowledged, started, doubt int64
}

type containerView struct{ id, name string }

// GetObjectKind and DeepCopyObject make it a runtime.Object.
func (v *podView) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject returns the same, because nobody changes it.
func (v *podView) DeepCopyObject() runtime.Object { return v }

// viewPod takes from a pod what is needed.
func viewPod(p *corev1.Pod, labelsName bool) *podView {
	v := &podView{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name, ResourceVersion: p.ResourceVersion},
		namespace:  p.Namespace, name: p.Name, uid: string(p.UID), mirror: p.Annotations[mirrorAnnotation],
		node: p.Spec.NodeName, workload: workloadOf(p), hostNetwork: p.Spec.HostNetwork,
		alone:   len(p.Spec.Containers) == 1 && len(p.Spec.InitContainers)+len(p.Spec.EphemeralContainers) == 0,
		created: p.CreationTimestamp.UnixNano(), started: forever, doubt: forever,
	}
	v.acknowledged = v.created
	if p.Status.StartTime != nil {
		v.acknowledged = max(v.created, p.Status.StartTime.UnixNano())
	}
	if d := p.DeletionTimestamp; d != nil {
		var grace time.Duration
		if s := p.DeletionGracePeriodSeconds; s != nil {
			grace = time.Duration(*s) * time.Second
		}
		v.doubt = d.Add(-grace).UnixNano()
	}
	if r := p.Spec.RestartPolicy; r != "" && r != corev1.RestartPolicyAlways {
		v.doubt = v.created
	}
	v.serviceName, v.serviceNamespace = serviceOf(p, v.workload, labelsName)
	v.viewAddresses(p)
	v.viewContainers(p)
	return v
}

func (v *podView) viewAddresses(p *corev1.Pod) {
	if v.hostNetwork {
		return
	}
	ips := p.Status.PodIPs
	if len(ips) == 0 && p.Status.PodIP != "" {
		ips = []corev1.PodIP{{IP: p.Status.PodIP}}
	}
	for _, ip := range ips {
		switch a, err := netip.ParseAddr(ip.IP); {
		case err != nil:
		case a.Unmap().Is4():
			v.v4 = a.Unmap()
		default:
			v.v6 = a
		}
	}
}

// viewContainers takes the containers that are, and those that were before them: what
// these said may still be on its way. What an init container said that has done its work
// is told by its pod alone: most pods would keep one for good.
func (v *podView) viewContainers(p *corev1.Pod) {
	for kind, list := range [][]corev1.ContainerStatus{
		p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses, p.Status.InitContainerStatuses,
	} {
		for i := range list {
			c := &list[i]
			if t := c.State.Terminated; kind == initContainers && t != nil && t.ExitCode == 0 {
				continue
			}
			v.addContainer(c.ContainerID, c.Name)
			for _, s := range []*corev1.ContainerState{&c.State, &c.LastTerminationState} {
				if s.Running != nil {
					v.start(s.Running.StartedAt)
				}
				if s.Terminated != nil {
					v.addContainer(s.Terminated.ContainerID, c.Name)
				}
			}
		}
	}
}

// initContainers is the last of a pod's lists.
const initContainers = 2

// addContainer takes an id as runtimes write it: containerd://0123….
func (v *podView) addContainer(id, name string) {
	if _, bare, ok := strings.Cut(id, "://"); ok {
		id = bare
	}
	if id == "" {
		return
	}
	for _, c := range v.containers {
		if c.id == id {
			return
		}
	}
	v.containers = append(v.containers, containerView{id, name})
}

func (v *podView) start(at metav1.Time) {
	if !at.IsZero() {
		v.started = min(v.started, at.UnixNano())
	}
}

// waits tells that a pod is about to get an address on its node.
func (v *podView) waits() bool {
	return v.node != "" && !v.hostNetwork && !v.v4.IsValid() && !v.v6.IsValid()
}

// hold says when a pod that is seen at a moment has its addresses: not before the kubelet
// knows of it; for certain since its first container started, whose time is cut to the second,
// or since it is seen with them. If the clock was set, times of kubelets may be by another one.
func (v *podView) hold(m moment) hold {
	h := hold{from: min(v.acknowledged, m.from), sure: m.sure, doubt: v.doubt, until: forever}
	switch {
	case m.unsettled && v.doubt != forever:
		h.doubt = 0
	case m.unsettled || v.started == forever:
	case v.started < m.from-int64(time.Second):
		h.sure = v.started + int64(time.Second)
	}
	return h
}

// waitsSince is since when it may have an address that nobody was told of.
func (v *podView) waitsSince(m moment) int64 { return min(v.acknowledged, m.from) }
