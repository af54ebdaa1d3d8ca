// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"net/netip"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/localize"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// endIn reads an end from data point attributes. Who has no name goes by the address, all
// that is public and external by that word: the Internet has too many addresses.
func endIn(attributes pcommon.Map, side *names.End, host string) localize.End {
	e := localize.End{
		Node: text(attributes, side.K8sNodeName), Zone: text(attributes, side.Zone),
		Workload: localize.Name{
			Cluster: text(attributes, side.K8sClusterName), Namespace: text(attributes, side.K8sNamespaceName),
			Kind: text(attributes, side.WorkloadKind), Name: text(attributes, side.WorkloadName),
		},
	}
	if port, ok := attributes.Get(side.Port); ok {
		e.Port = portOf(port)
	}
	if pod := text(attributes, side.K8sPodName); pod != "" {
		e.Pod = localize.Name{Cluster: e.Workload.Cluster, Namespace: e.Workload.Namespace, Name: pod}
	}
	if e.Node == "" {
		e.Node = host
	}
	if e.Workload.Kind == names.KindProcess {
		e.Workload.Namespace = host
	}
	if e.Workload.Name == "" {
		e.Workload.Name = standInName(attributes, side)
	}
	return e
}

func standInName(attributes pcommon.Map, side *names.End) string {
	if service := text(attributes, side.ServiceName); service != "" {
		return service
	}
	address := text(attributes, side.Address)
	kind := text(attributes, side.Kind)
	if parsed, err := netip.ParseAddr(address); kind == names.KindExternal && (err != nil || !parsed.IsPrivate()) {
		return kind
	}
	return address
}

// A stand says by what attribute somebody goes.
type stand uint8

const (
	byName stand = iota // a workload's
	byService
	byAddress
	byKind // all that is public and external is one
)

// standsFor tells what stands for the name of a workload, as [endIn] has chosen it.
func standsFor(n localize.Name) stand {
	switch _, err := netip.ParseAddr(n.Name); {
	case n.Kind == names.KindExternal && n.Name == names.KindExternal:
		return byKind
	case n.Kind != "" && n.Kind != names.KindExternal && n.Kind != names.KindUnknown && n.Kind != names.KindNode && n.Kind != names.KindService:
		return byName
	case err == nil:
		return byAddress
	case n.Kind != "" && n.Kind != names.KindService:
		return byService
	}
	return byName
}
