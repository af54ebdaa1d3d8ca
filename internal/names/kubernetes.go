// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

// Resource attributes that the processor adds where they are missing.
const (
	ServiceName      = "service.name"
	ServiceNamespace = "service.namespace"
	K8sClusterName   = "k8s.cluster.name"
	K8sNamespaceName = "k8s.namespace.name"
	K8sPodName       = "k8s.pod.name"
	K8sNodeName      = "k8s.node.name"
	K8sContainerName = "k8s.container.name"
	// AvailabilityZone is set by others; here it is the zone of the local end.
	AvailabilityZone = "cloud.availability_zone"
)

// K8sServiceName is the name of a Kubernetes Service. It is only used behind a
// prefix: a resource is no Service.
const K8sServiceName = "k8s.service.name"

// k8sOwners has the conventions' attribute for the name of each kind of workload, by
// the kind's name in Kubernetes.
var k8sOwners = map[string]string{
	"Deployment":  "k8s.deployment.name",
	"ReplicaSet":  "k8s.replicaset.name",
	"StatefulSet": "k8s.statefulset.name",
	"DaemonSet":   "k8s.daemonset.name",
	"Job":         "k8s.job.name",
	"CronJob":     "k8s.cronjob.name",
}

// K8sOwner returns the resource attribute with the name of a workload of a kind, as
// Kubernetes spells it, and "" if the conventions have none.
func K8sOwner(kind string) string { return k8sOwners[kind] }

// K8sOwnerKinds are the kinds of workloads with an attribute, the owner before what it
// owns.
var K8sOwnerKinds = [...]string{"CronJob", "Job", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}
