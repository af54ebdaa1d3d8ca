// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

const (
	// hashLabel is what the Deployment controller, and no other, appends to the names
	// of its ReplicaSets.
	hashLabel = "pod-template-hash"
	// late is how long after its schedule a CronJob's pod may be created.
	late = 7 * 24 * time.Hour
)

// workloadOf tells what keeps a pod running: its owner, or the owner's owner as far as
// the owner's name tells it, or the pod itself.
func workloadOf(p *corev1.Pod) identity.Workload {
	owner := metav1.GetControllerOf(p)
	if owner == nil {
		return identity.Workload{Kind: "Pod", Name: p.Name}
	}
	switch owner.Kind {
	case "Node": // a static pod, which has its node's name behind its own
		return identity.Workload{Kind: "Pod", Name: strings.TrimSuffix(p.Name, "-"+owner.Name)}
	case "ReplicaSet":
		if name, ok := deploymentOf(owner.Name, p.Labels[hashLabel]); ok {
			return identity.Workload{Kind: "Deployment", Name: name}
		}
	case "Job":
		if name, ok := cronJobOf(owner.Name, p.CreationTimestamp.Time); ok {
			return identity.Workload{Kind: "CronJob", Name: name}
		}
	}
	return identity.Workload{Kind: owner.Kind, Name: owner.Name}
}

func deploymentOf(replicaSet, hash string) (string, bool) {
	if hash == "" {
		return "", false
	}
	name, ok := strings.CutSuffix(replicaSet, "-"+hash)
	return name, ok && name != ""
}

// cronJobOf takes the end of a Job's name for the minute of its schedule (since 1970)
// only if the pod was created soon after it: a Job may be called backup-20240101.
func cronJobOf(job string, created time.Time) (string, bool) {
	i := strings.LastIndexByte(job, '-')
	if i <= 0 {
		return "", false
	}
	minutes, err := strconv.ParseUint(job[i+1:], 10, 32)
	if err != nil {
		return "", false
	}
	after := created.Sub(time.Unix(int64(minutes)*60, 0))
	return job[:i], after >= -time.Minute && after <= late
}

// Where OpenTelemetry's conventions look for a pod's service.
const (
	nameAnnotation      = "resource.opentelemetry.io/service.name"
	namespaceAnnotation = "resource.opentelemetry.io/service.namespace"
	instanceLabel       = "app.kubernetes.io/instance"
	nameLabel           = "app.kubernetes.io/name"
)

// serviceOf derives service.name and service.namespace:
// https://opentelemetry.io/docs/specs/semconv/non-normative/k8s-attributes/
// Of owners, only those count whose name the conventions have an attribute for.
func serviceOf(p *corev1.Pod, w identity.Workload, labels bool) (name, namespace string) {
	name, namespace = writtenService(&p.ObjectMeta, labels)
	if name != "" {
		return name, namespace
	}
	switch w.Kind {
	case "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "CronJob", "Job":
		return w.Name, namespace
	}
	return p.Name, namespace
}

// writtenService is what an object's annotations and labels say, with an empty name if
// they say none.
func writtenService(o *metav1.ObjectMeta, labels bool) (name, namespace string) {
	name, namespace = o.Annotations[nameAnnotation], first(o.Annotations[namespaceAnnotation], o.Namespace)
	if labels {
		name = first(name, o.Labels[instanceLabel], o.Labels[nameLabel])
	}
	return name, namespace
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
