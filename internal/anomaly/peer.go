// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"net/netip"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A peer is what a data point says of where its flow goes.
type peer struct {
	source      netip.Addr
	destination netip.AddrPort
	translated  netip.AddrPort // behind the destination
	kind, pod   string         // as somebody before us has named it
	node        string
	cluster     string
}

// readPeer reads a data point's attributes.
func readPeer(attributes pcommon.Map) peer {
	var p peer
	var destination, translated netip.Addr
	var port, translatedPort uint16
	for key, value := range attributes.All() {
		switch key {
		case names.SourceAddress:
			p.source = address(value)
		case names.DestinationAddress:
			destination = address(value)
		case names.DestinationPort:
			port = portOf(value)
		case names.DestinationNATAddress:
			translated = address(value)
		case names.DestinationNATPort:
			translatedPort = portOf(value)
		case names.Destination.Kind:
			p.kind = value.Str()
		case names.Destination.K8sPodName:
			p.pod = value.Str()
		case names.Destination.K8sNodeName:
			p.node = value.Str()
		case names.Destination.K8sClusterName:
			p.cluster = value.Str()
		}
	}
	p.destination = netip.AddrPortFrom(destination, port)
	p.translated = netip.AddrPortFrom(translated, translatedPort)
	return p
}

// address parses an attribute; one that is no address is none.
func address(value pcommon.Value) netip.Addr {
	parsed, err := netip.ParseAddr(value.Str())
	if err != nil {
		return netip.Addr{}
	}
	return parsed.Unmap()
}

// portOf is 0, none, of what is no port: a part of it would be another one.
func portOf(value pcommon.Value) uint16 {
	if port := value.Int(); port == int64(uint16(port)) {
		return uint16(port)
	}
	return 0
}

// named reports whether somebody before us has named the peer. Unknown is no name, and
// external is what anybody says who knows less of the cluster.
func (p *peer) named() bool { return p.pod != "" || named(p.kind) }

// unveiled reports whether a peer that has the name of a Service is found behind it: an agent knows the
// Services, and the pods of one node. In another cluster somebody else has the address.
func (p *peer) unveiled(found finding) bool {
	return p.kind == names.KindService && found.real != found.virtual && named(kinds[found.real.Kind]) &&
		(p.cluster == "" || found.real.Cluster == "" || p.cluster == found.real.Cluster)
}

// unname takes the names away that are a Service's. Which one it is stays.
func unname(attributes pcommon.Map) {
	d := &names.Destination
	for _, name := range [...]string{d.Kind, d.WorkloadName, d.WorkloadKind, d.K8sNamespaceName, d.ServiceName, d.ServiceNamespace} {
		attributes.Remove(name)
	}
}

// A finding is who the peer is. Where addresses are translated it is who is behind the
// virtual one, and the Service is that of the virtual one.
type finding struct{ real, virtual *identity.Identity }

// find tells who the peer was at a time (ns since 1970): nobody if there is none.
func (p *peer) find(directory identity.Directory, at uint64) finding {
	if !p.destination.Addr().IsValid() {
		return finding{}
	}
	virtual := directory.Remote(p.destination.Addr(), p.destination.Port(), at)
	if !p.translated.Addr().IsValid() {
		return finding{virtual, virtual}
	}
	real := directory.Remote(p.translated.Addr(), p.translated.Port(), at)
	if real.Kind == identity.KindUnknown {
		return finding{virtual, virtual}
	}
	return finding{real, virtual}
}

func (f finding) nobody() bool { return f.virtual == nil }

func (f finding) end() end {
	e := endOf(f.real)
	if e.service == "" {
		e.service = f.virtual.Service
	}
	e.workload = e.standIn("")
	return e
}

// sameHost tells whether a flow stays on its host, if that is known.
func (p *peer) sameHost(source, destination *end) (same, known bool) {
	switch to := p.destination.Addr(); {
	case !to.IsValid():
		return false, false
	case to.IsLoopback(), to == p.source, p.source.IsValid() && p.translated.Addr() == p.source:
		return true, true
	case source.node == "" || destination.node == "":
		return false, false
	default: // whoever knows the name of a cluster need not be who knows the node
		elsewhere := source.cluster != "" && destination.cluster != "" && source.cluster != destination.cluster
		return source.node == destination.node && !elsewhere, true
	}
}
