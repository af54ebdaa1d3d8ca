// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package static

import (
	"cmp"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// A builder makes a table of a document's entries, and notes what contradicts.
type builder struct {
	*document
	table  *Table
	firsts map[any]int          // line of what must be there once
	zones  map[string]scalar    // of nodes
	nodes  map[[2]string]scalar // of pods, by namespace and name
	placed []*identity.Place
}

func newBuilder(d *document) *builder {
	return &builder{document: d, firsts: map[any]int{}, zones: map[string]scalar{}, nodes: map[[2]string]scalar{}, table: &Table{
		addresses:  map[netip.Addr]*identity.Identity{},
		services:   map[netip.Addr][]offer{},
		containers: map[string]*identity.Identity{},
		processes:  map[process]*identity.Identity{},
	}}
}

// once notes what may be recognised by one entry only, and tells whether it is new.
func (b *builder) once(key any, s scalar, where string) bool {
	if first, twice := b.firsts[key]; twice {
		b.wrong(s.line, where, "%q must be there once, first on line %d", s.text, first)
		return false
	}
	b.firsts[key] = s.line
	return true
}

// addWorkload refuses what an earlier entry is recognised by. Of two CIDRs that
// overlap, one is within the other, which is fine: the narrower one counts. So only
// equal ones are refused; one of a single address is that address.
func (b *builder) addWorkload(w *workload) {
	b.table.entries.Workloads++
	id := w.identity()
	b.placed = append(b.placed, id.Place)
	b.place(w)
	for _, s := range w.addresses {
		if a, ok := b.address(s, w.where+".addresses"); ok && b.once(a, s, w.where+".addresses") {
			b.table.addresses[a] = id
		}
	}
	for _, s := range w.cidrs {
		if p, ok := b.prefix(s, w.where+".cidrs"); ok && p.IsSingleIP() && b.once(p.Addr(), s, w.where+".cidrs") {
			b.table.addresses[p.Addr()] = id
		} else if ok && !p.IsSingleIP() && b.once(p, s, w.where+".cidrs") {
			b.table.cidrs.Insert(p, id)
		}
	}
	for _, s := range w.containerIDs {
		if c, ok := b.container(s, w.where+".container_ids"); ok && b.once(c, s, w.where+".container_ids") {
			b.table.containers[c] = id
		}
	}
	for _, s := range w.processes {
		if p := (process{w.node.text, s.text}); b.executable(s, w.where+".processes") && b.once(p, s, w.where+".processes") {
			b.table.processes[p] = id
		}
	}
}

// place refuses a pod on two nodes, and a node in two zones.
func (b *builder) place(w *workload) {
	if w.pod.text != "" && w.node.text != "" {
		pod := [2]string{w.namespace.text, w.pod.text}
		if first, known := b.nodes[pod]; !known {
			b.nodes[pod] = w.node
		} else if first.text != w.node.text {
			b.wrong(w.node.line, w.where+".node", "%q must be %q, where pod %q is by line %d",
				w.node.text, first.text, w.pod.text, first.line)
		}
	}
	if w.node.text == "" || w.zone.text == "" {
		return
	}
	first, known := b.zones[w.node.text]
	if !known {
		b.zones[w.node.text] = w.zone
	} else if first.text != w.zone.text {
		b.wrong(w.zone.line, w.where+".zone", "%q must be %q, where node %q is by line %d",
			w.zone.text, first.text, w.node.text, first.line)
	}
}

// zone has what is on a node be in the node's zone, if any entry tells it.
func (b *builder) zone() {
	for _, place := range b.placed {
		place.Zone = cmp.Or(place.Zone, b.zones[place.Node].text)
	}
}

// container reads the id of a container, as a runtime or Kubernetes prints it.
func (b *builder) container(s scalar, where string) (id string, ok bool) {
	id = s.text
	if _, bare, runtime := strings.Cut(id, "://"); runtime {
		id = bare
	}
	if strings.Trim(id, "0123456789abcdef") != "" || len(id) != 64 {
		b.wrong(s.line, where, "%q must be the id of a container, 64 hexadecimal digits, not %d", s.text, len(id))
		return "", false
	}
	return id, true
}

// executable refuses a path, which no executable's name is.
func (b *builder) executable(s scalar, where string) bool {
	if !strings.Contains(s.text, "/") {
		return true
	}
	b.wrong(s.line, where, "%q must be the name of an executable, such as %q, not a path", s.text, path.Base(s.text))
	return false
}

// addService refuses a port of an address that an earlier service has. A service
// without ports has those that no other one names.
func (b *builder) addService(s *service) {
	b.table.entries.Services++
	o := offer{identity: s.identity()}
	for _, p := range s.ports {
		if port, ok := b.port(p, s.where+".ports"); ok {
			o.ports = append(o.ports, port)
		}
	}
	for _, text := range s.addresses {
		a, ok := b.address(text, s.where+".addresses")
		if !ok {
			continue
		}
		if len(o.ports) == 0 && len(s.ports) == 0 {
			b.once(netip.AddrPortFrom(a, 0), text, s.where+".addresses")
		}
		for _, port := range o.ports {
			at := netip.AddrPortFrom(a, port)
			b.once(at, scalar{at.String(), text.line}, s.where+".addresses")
		}
		b.table.services[a] = append(b.table.services[a], o)
	}
}

// disjoin refuses addresses that a workload and a service have.
func (b *builder) disjoin() {
	for _, a := range slices.SortedFunc(maps.Keys(b.table.services), netip.Addr.Compare) {
		if line, both := b.firsts[a]; both {
			b.wrong(line, "workloads", "%q must not be the address of a service, too", a)
		}
	}
}
