// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package static

import (
	"errors"
	"net/netip"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// A workload is an entry of workloads: who it is, and how it is recognised.
type workload struct {
	line  int
	where string

	namespace, name, kind, pod, service, node, zone scalar

	addresses, cidrs, containerIDs, processes []scalar
}

// A service is an entry of services.
type service struct {
	line  int
	where string

	namespace, name scalar

	addresses, ports []scalar
}

// Parse reads a file's text. Errors name the file as name, the line, and the rule; all
// of them are returned, joined.
func Parse(name string, text []byte) (*Table, error) {
	d := &document{name: name}
	root, err := d.root(text)
	if err != nil {
		return nil, err
	}
	b := newBuilder(d)
	d.mapping(root, "file", map[string]any{
		"workloads": func(n *yaml.Node, where string) { b.addWorkload(d.workload(n, where)) },
		"services":  func(n *yaml.Node, where string) { b.addService(d.service(n, where)) },
	})
	b.disjoin()
	b.zone()
	if len(d.errs) > 0 {
		return nil, errors.Join(d.errs...)
	}
	return b.table, nil
}

func (d *document) workload(node *yaml.Node, where string) *workload {
	w := &workload{line: node.Line, where: where}
	d.mapping(node, where, map[string]any{
		"namespace": &w.namespace, "workload": &w.name, "kind": &w.kind, "pod": &w.pod,
		"service": &w.service, "node": &w.node, "zone": &w.zone,
		"addresses": &w.addresses, "cidrs": &w.cidrs,
		"container_ids": &w.containerIDs, "processes": &w.processes,
	})
	if w.name.text == "" && w.pod.text == "" && w.node.text == "" {
		d.wrong(w.line, where, "must have workload, pod or node")
	}
	if w.kind.text != "" && w.name.text == "" {
		d.wrong(w.kind.line, where+".kind", "%q must not be there without workload, whose kind it is", w.kind.text)
	}
	if len(w.addresses)+len(w.cidrs)+len(w.containerIDs)+len(w.processes) == 0 {
		d.wrong(w.line, where, "must have addresses, cidrs, container_ids or processes to be recognised by")
	}
	return w
}

// identity is a pod's wherever a workload is named: what runs on a bare machine is one
// of a workload's instances, too.
func (w *workload) identity() *identity.Identity {
	id := &identity.Identity{
		Kind: identity.KindPod, Pod: w.pod.text, Place: &identity.Place{Node: w.node.text, Zone: w.zone.text},
		Common: &identity.Common{
			Namespace: w.namespace.text, Workload: identity.Workload{Kind: w.kind.text, Name: w.name.text},
			ServiceName: w.service.text,
		},
	}
	switch {
	case w.name.text == "" && w.pod.text == "":
		id.Kind = identity.KindNode
	case w.service.text == "" && w.name.text != "":
		id.ServiceName = w.name.text
	case w.service.text == "":
		id.ServiceName = w.pod.text
	}
	if id.ServiceName != "" {
		id.ServiceNamespace = w.namespace.text
	}
	return id
}

func (d *document) service(node *yaml.Node, where string) *service {
	s := &service{line: node.Line, where: where}
	d.mapping(node, where, map[string]any{
		"namespace": &s.namespace, "service": &s.name, "addresses": &s.addresses, "ports": &s.ports,
	})
	if s.name.text == "" {
		d.wrong(s.line, where, "must have service")
	}
	if len(s.addresses) == 0 {
		d.wrong(s.line, where, "must have addresses")
	}
	return s
}

func (s *service) identity() *identity.Identity {
	return &identity.Identity{
		Kind: identity.KindService, Place: &identity.Place{},
		Common: &identity.Common{
			Namespace: s.namespace.text, Service: s.name.text,
			ServiceName: s.name.text, ServiceNamespace: s.namespace.text,
		},
	}
}

func (d *document) address(s scalar, where string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s.text)
	if err != nil || a.Zone() != "" {
		d.wrong(s.line, where, "%q must be an IP address, without a zone", s.text)
		return a, false
	}
	a = a.Unmap()
	return a, d.connectable(a, s, where)
}

// connectable refuses what no end of a connection has. Loopback is one: on a machine of
// its own what is there can be known.
func (d *document) connectable(a netip.Addr, s scalar, where string) bool {
	if !a.IsUnspecified() && !a.IsMulticast() && a != broadcast {
		return true
	}
	d.wrong(s.line, where, "%q must be an address that a connection can have, not unspecified, multicast or broadcast", s.text)
	return false
}

var (
	broadcast  = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	multicasts = []netip.Prefix{netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("ff00::/8")}
)

// reachable refuses a range in which no end of a connection is. A wider one that has such addresses among
// others, as 0.0.0.0/0 does, is fine.
func (d *document) reachable(p netip.Prefix, s scalar, where string) bool {
	if p.IsSingleIP() {
		return d.connectable(p.Addr(), s, where)
	}
	for _, m := range multicasts {
		if m.Contains(p.Addr()) && p.Bits() >= m.Bits() {
			d.wrong(s.line, where, "%q must be addresses that a connection can have, not multicast (%s)", s.text, m)
			return false
		}
	}
	return true
}

func (d *document) prefix(s scalar, where string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(s.text)
	if err != nil || p.Addr().Is4In6() {
		d.wrong(s.line, where, "%q must be a CIDR such as 192.0.2.0/24 or 2001:db8::/32", s.text)
		return p, false
	}
	if p != p.Masked() {
		d.wrong(s.line, where, "%q has bits behind its mask: must be %q", s.text, p.Masked())
		return p, false
	}
	return p, d.reachable(p, s, where)
}

func (d *document) port(s scalar, where string) (uint16, bool) {
	port, err := strconv.ParseUint(s.text, 10, 16)
	if err != nil || port == 0 {
		d.wrong(s.line, where, "%q must be a port from 1 to 65535", s.text)
		return 0, false
	}
	return uint16(port), true
}
