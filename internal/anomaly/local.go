// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"net/netip"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A local is the observed end of the flows of one resource.
type local struct {
	resource pcommon.Map
	query    identity.Local // without an address
	id       *identity.Identity
	// byUID is who has the UID if it is not the identity's own: that of a static pod in cgroups.
	byUID *identity.Identity
	// container is the container's name, if id has several.
	container string
	end       end // as id and the resource tell

	// What an address told last, where the resource alone tells no pod.
	told      *identity.Identity
	byAddress end
}

// newLocal finds who a resource is at a time (ns since 1970).
func newLocal(directory identity.Directory, resource pcommon.Map, at uint64) *local {
	l := &local{resource: resource, query: identity.Local{
		ContainerID: text(resource, names.ContainerID),
		PodUID:      text(resource, names.K8sPodUID),
		Process:     text(resource, names.ProcessExecutableName),
		HostName:    text(resource, names.HostName),
	}}
	l.become(directory, directory.Local(l.query, at), at)
	return l
}

// become makes it the end of who was found.
func (l *local) become(directory identity.Directory, id *identity.Identity, at uint64) {
	l.byUID = nil
	if uid := l.query.PodUID; id != nil && uid != "" && !id.HasUID(uid) {
		l.byUID = directory.Local(identity.Local{PodUID: uid}, at)
	}
	l.id, l.end, l.told, l.container = id, l.describe(id), nil, ""
	if id != nil && id.Kind == identity.KindPod && id.Container == "" && l.query.ContainerID != "" {
		l.container = directory.ContainerName(l.query.ContainerID)
	}
}

// at returns who is at an address of the resource's, and who the address told. A pod is
// known without one.
func (l *local) at(directory identity.Directory, address netip.Addr, at uint64) (*end, *identity.Identity) {
	if l.end.kind == names.KindPod || !address.IsValid() {
		return &l.end, nil
	}
	query := l.query
	query.Address = address
	id := directory.Local(query, at)
	if id == nil || id == l.id {
		return &l.end, nil
	}
	if id != l.told {
		l.told, l.byAddress = id, l.describe(id)
	}
	return &l.byAddress, id
}

// describe tells an identity's end. What the resource says of itself goes before; if
// the two speak of different pods, the resource alone is believed.
func (l *local) describe(id *identity.Identity) end {
	if id != nil && l.contradicts(id) {
		id = nil
	}
	e := endOf(id)
	l.read(&e)
	e.workload = e.standIn(l.query.Process)
	return e
}

func (l *local) contradicts(id *identity.Identity) bool {
	differ := func(key, value string) bool {
		there := text(l.resource, key)
		return there != "" && value != "" && there != value
	}
	if uid := text(l.resource, names.K8sPodUID); uid != "" && !id.HasUID(uid) && !id.HasUID("") && id != l.byUID {
		return true
	}
	return differ(names.K8sPodName, id.Pod) ||
		differ(names.K8sNamespaceName, id.Namespace) || differ(names.K8sClusterName, id.Cluster)
}

// read takes over what the resource says.
func (l *local) read(e *end) {
	for key, field := range map[string]*string{
		names.K8sClusterName: &e.cluster, names.K8sNamespaceName: &e.namespace,
		names.K8sPodName: &e.pod, names.K8sNodeName: &e.node, names.AvailabilityZone: &e.zone,
		names.ServiceName: &e.serviceName, names.ServiceNamespace: &e.serviceNamespace,
	} {
		if value := text(l.resource, key); value != "" {
			*field = value
		}
	}
	if workload := l.owner(); workload.Name != "" {
		e.workload = workload
	}
	if !named(e.kind) && (e.pod != "" || l.query.PodUID != "") {
		e.kind = names.KindPod
	}
}

func (l *local) owner() identity.Workload {
	for _, kind := range names.K8sOwnerKinds {
		if name := text(l.resource, names.K8sOwner(kind)); name != "" {
			return identity.Workload{Kind: kind, Name: name}
		}
	}
	return identity.Workload{}
}

// fill adds the stock attributes that the resource lacks.
func (l *local) fill(id *identity.Identity, resource pcommon.Map) {
	if id == nil || l.contradicts(id) {
		return
	}
	putMissing(resource, names.K8sClusterName, id.Cluster)
	putMissing(resource, names.K8sNamespaceName, id.Namespace)
	putMissing(resource, names.K8sPodName, id.Pod)
	putMissing(resource, names.K8sPodUID, id.PodUID())
	putMissing(resource, names.K8sContainerName, id.Container)
	if id == l.id {
		putMissing(resource, names.K8sContainerName, l.container)
	}
	putMissing(resource, names.K8sNodeName, id.Node)
	putMissing(resource, names.ServiceName, id.ServiceName)
	putMissing(resource, names.ServiceNamespace, id.ServiceNamespace)
	if l.owner().Name == "" {
		putMissing(resource, names.K8sOwner(id.Workload.Kind), id.Workload.Name)
	}
}

// text returns an attribute that is a string, or "".
func text(attributes pcommon.Map, key string) string {
	if value, ok := attributes.Get(key); ok && value.Type() == pcommon.ValueTypeStr {
		return value.Str()
	}
	return ""
}
