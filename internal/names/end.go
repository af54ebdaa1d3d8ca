// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

// An End holds the names of the data point attributes that tell who is at one end of
// a flow. All but Address and Port are written by the processor.
type End struct {
	Address, Port string
	// Kind is one of [KindPod] and its like, Zone a Kubernetes topology zone.
	Kind, Zone string

	K8sClusterName, K8sNamespaceName, K8sPodName, K8sNodeName string
	// K8sServiceName is that of a Kubernetes Service that the connection went to.
	K8sServiceName string
	// WorkloadName and WorkloadKind are own: a workload of whatever kind.
	WorkloadName, WorkloadKind string

	ServiceName, ServiceNamespace string

	owners map[string]string // by kind
}

// Source is the observing end, Destination its peer.
var (
	Source      = newEnd("source.")
	Destination = newEnd("destination.")
)

// Attributes that say where the connection really went when the node translates
// addresses. The receiver sets them where it knows.
const (
	DestinationNATAddress = "destination.nat.address"
	DestinationNATPort    = "destination.nat.port"
)

// FlowPair is own: a key of both ends that is the same from either, the client's port
// left out. Opt-in.
const FlowPair = "tcp.flow.pair"

// SameHost is own: whether both ends are on one host. It is absent where that is not
// known.
const SameHost = "network.same_host"

func newEnd(prefix string) End {
	return End{
		Address: prefix + "address", Port: prefix + "port",
		Kind: prefix + "kind", Zone: prefix + "zone",
		K8sClusterName:   prefix + K8sClusterName,
		K8sNamespaceName: prefix + K8sNamespaceName,
		K8sPodName:       prefix + K8sPodName,
		K8sNodeName:      prefix + K8sNodeName,
		K8sServiceName:   prefix + K8sServiceName,
		WorkloadName:     prefix + "workload.name",
		WorkloadKind:     prefix + "workload.kind",
		ServiceName:      prefix + ServiceName,
		ServiceNamespace: prefix + ServiceNamespace,
		owners:           prefixed(prefix, k8sOwners),
	}
}

// Owner returns the attribute with the name of a workload of a kind, as Kubernetes
// spells it, and "" if the conventions have none.
func (e End) Owner(kind string) string { return e.owners[kind] }

func prefixed(prefix string, owners map[string]string) map[string]string {
	names := make(map[string]string, len(owners))
	for kind, name := range owners {
		names[kind] = prefix + name
	}
	return names
}

// Values of an end's kind, and of the kind of what stands for its workload where
// there is none.
const (
	KindPod      = "pod"
	KindService  = "service"
	KindNode     = "node"
	KindExternal = "external"
	KindUnknown  = "unknown"
	// KindProcess is a kind of workload only: a process that nobody else knows, by the
	// name of its executable.
	KindProcess = "process"
)
