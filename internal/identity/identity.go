// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package identity

import "github.com/google/uuid"

// A Kind says what an address belongs to.
type Kind uint8

// Kinds. An unknown address is inside the cluster's ranges, or private where those are
// not known, and nobody is known to have it; an external one is elsewhere.
const (
	KindUnknown Kind = iota
	KindPod
	KindService
	KindNode
	KindExternal
)

// An Identity is one end of a flow. It is immutable: one pointer is shared by all that
// look it up. What many have alike they share, for there may be many of them.
type Identity struct {
	Kind Kind
	// HostNetwork is a pod that has its node's addresses.
	HostNetwork bool
	Pod         string
	// PodUUID is the pod's UID, or zero if OtherUID is.
	PodUUID uuid.UUID
	*Common // never nil
	*Place  // never nil
}

// Common is what the pods of a workload have alike. Empty fields are not known.
type Common struct {
	Cluster   string
	Namespace string
	Workload  Workload
	Container string // name of the only one in the pod
	OtherUID  string // of a pod whose UID is no UUID, so it has nothing in common with others
	// Service is the name of the Kubernetes Service whose address it is.
	Service string
	// ServiceName and ServiceNamespace are service.name and service.namespace, as
	// OpenTelemetry's conventions for Kubernetes derive them.
	ServiceName, ServiceNamespace string
}

// A Place is a node. Empty fields are not known.
type Place struct{ Node, Zone string }

// Equal tells whether two identities say the same.
func (id *Identity) Equal(other *Identity) bool {
	return id.Kind == other.Kind && id.HostNetwork == other.HostNetwork && id.Pod == other.Pod && id.PodUUID == other.PodUUID &&
		*id.Common == *other.Common && *id.Place == *other.Place
}

// Unknown and External are those of whom nothing is known. All share them, so that
// pointers can be compared.
var (
	Unknown  = &Identity{Kind: KindUnknown, Common: &Common{}, Place: &Place{}}
	External = &Identity{Kind: KindExternal, Common: &Common{}, Place: &Place{}}
)

// A Workload is what keeps a pod running.
type Workload struct {
	Kind string // as Kubernetes spells it: Deployment, StatefulSet, DaemonSet, Job, CronJob, …
	Name string
}
