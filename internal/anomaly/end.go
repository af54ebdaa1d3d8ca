// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// An end is what is known of one end of a flow. What is empty is not known.
type end struct {
	kind                          string // never empty of an end that is there
	cluster, namespace, pod, node string
	zone                          string
	workload                      identity.Workload
	service                       string // a Kubernetes Service
	serviceName, serviceNamespace string
}

var kinds = [...]string{
	identity.KindUnknown:  names.KindUnknown,
	identity.KindPod:      names.KindPod,
	identity.KindService:  names.KindService,
	identity.KindNode:     names.KindNode,
	identity.KindExternal: names.KindExternal,
}

// endOf describes an identity; nil is nobody known.
func endOf(id *identity.Identity) end {
	if id == nil {
		return end{kind: names.KindUnknown}
	}
	return end{
		kind: kinds[id.Kind], cluster: id.Cluster, namespace: id.Namespace, pod: id.Pod, node: id.Node, zone: id.Zone,
		workload: id.Workload, service: id.Service,
		serviceName: id.ServiceName, serviceNamespace: id.ServiceNamespace,
	}
}

// named reports whether somebody is known to be there.
func named(kind string) bool {
	return kind != "" && kind != names.KindUnknown && kind != names.KindExternal
}

// join makes an end one of a cluster, unless it is of another.
func (e *end) join(cluster string) {
	if e.cluster == "" {
		e.cluster = cluster
	}
}

// standIn is what counts as the workload of an end that has none: a local process by
// the name of its executable, anything else by its kind.
func (e *end) standIn(executable string) identity.Workload {
	switch {
	case e.workload.Name != "":
		return e.workload
	case e.kind == names.KindPod && e.pod != "":
		return identity.Workload{Kind: names.KindPod, Name: e.pod}
	case executable != "":
		return identity.Workload{Kind: names.KindProcess, Name: executable}
	case e.kind == names.KindService:
		return identity.Workload{Kind: names.KindService, Name: e.service}
	default:
		return identity.Workload{Kind: e.kind}
	}
}

// describe writes an end's attributes, those of data points. It overwrites none, but for
// a kind that is no name, and what stands for a workload that was not known: an agent may
// know less than a gateway.
func (e *end) describe(attributes pcommon.Map, side *names.End) {
	put := putMissing
	if before := text(attributes, side.Kind); before != "" && !named(before) {
		put = putKnown
	}
	put(attributes, side.Kind, e.kind)
	if named(e.kind) && !standsIn(e.workload.Kind) && standsIn(text(attributes, side.WorkloadKind)) {
		put = putKnown
	}
	put(attributes, side.WorkloadName, e.workload.Name)
	put(attributes, side.WorkloadKind, e.workload.Kind)
	putMissing(attributes, side.Zone, e.zone)
	putMissing(attributes, side.K8sClusterName, e.cluster)
	putMissing(attributes, side.K8sNamespaceName, e.namespace)
	putMissing(attributes, side.K8sPodName, e.pod)
	putMissing(attributes, side.K8sNodeName, e.node)
	putMissing(attributes, side.K8sServiceName, e.service)
	putMissing(attributes, side.Owner(e.workload.Kind), e.workload.Name)
	putMissing(attributes, side.ServiceName, e.serviceName)
	putMissing(attributes, side.ServiceNamespace, e.serviceNamespace)
}

// standsIn tells whether a kind of workload is that of a stand-in, for want of an owner.
func standsIn(kind string) bool { return kind == names.KindProcess || kind == names.KindPod }

// putMissing leaves alone what is there.
func putMissing(attributes pcommon.Map, key, value string) {
	if key == "" || value == "" {
		return
	}
	if there, ok := attributes.GetOrPutEmpty(key); !ok {
		there.SetStr(value)
	}
}

func putKnown(attributes pcommon.Map, key, value string) {
	if key != "" && value != "" {
		attributes.PutStr(key, value)
	}
}
