// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package identity

// A Kind says what an address belongs to.
type Kind uint8

// Kinds. An unknown address is inside the cluster's ranges, or private, and nobody is
// known to have it; an external one is neither.
const (
	KindUnknown Kind = iota
	KindPod
	KindService
	KindNode
	KindExternal
)

// An Identity is one end of a flow. It is immutable: one pointer is shared by all that
// look it up. Empty fields are not known.
type Identity struct {
	Kind      Kind
	Cluster   string
	Namespace string
	Pod       string
	PodUID    string
	Container string // its name in the pod
	Node      string
	Zone      string
	Workload  Workload
	// Service is the name of the Kubernetes Service whose address it is.
	Service string
	// ServiceName and ServiceNamespace are service.name and service.namespace, as
	// OpenTelemetry's conventions for Kubernetes derive them.
	ServiceName, ServiceNamespace string
	// HostNetwork is a pod that has its node's addresses.
	HostNetwork bool
}

// A Workload is what keeps a pod running.
type Workload struct {
	Kind string // as Kubernetes spells it: Deployment, StatefulSet, DaemonSet, Job, CronJob, …
	Name string
}
