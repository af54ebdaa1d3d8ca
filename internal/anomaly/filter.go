// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/localize"
	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/problem"
)

// A sieve writes the conditions that show the flows of problems among the metrics that leave: in
// terms of attributes that they have, of the points and of their resources.
type sieve struct {
	level  Aggregate
	named  bool // we write who is at the ends
	keeps  func(name string) bool
	ofHost bool // resources have their host
}

func newSieve(cfg *Config) *sieve {
	level := cfg.level()
	points := selection{level: level, orInclude: cfg.Attributes.Include, orExclude: cfg.Attributes.Exclude}
	resources := resourceSelection{level: level, include: cfg.ResourceAttributes.Include, exclude: cfg.ResourceAttributes.Exclude}
	all := level == AggregateNone
	return &sieve{
		level: level, named: cfg.Identity != nil || !all,
		keeps: func(name string) bool {
			return all || points.keeps(name, names.Client) || points.keeps(name, names.Server)
		},
		ofHost: all || resources.keeps(names.HostName, "", identity.Workload{}),
	}
}

// filter shows the flows of a problem's place as both ends report them, or those of its edges
// where the metrics that leave do not tell the place.
func (s *sieve) filter(p *problem.Problem) string {
	place := &p.Root.Place
	if !s.tells(place) {
		edges := p.Edges
		if len(edges) == 0 { // of a problem that an older one remembered
			edges = p.Pairs
		}
		conditions := make([]string, 0, 2*len(edges))
		for _, edge := range edges {
			conditions = append(conditions, s.both(s.workload, edge.Sender, edge.Receiver)...)
		}
		return anyOf(conditions)
	}
	switch place.Kind {
	case localize.KindPair:
		return anyOf(s.both(s.workload, place.A, place.B))
	case localize.KindNodePair:
		return anyOf(s.both(s.node, place.A, place.B))
	case localize.KindZonePair:
		return anyOf(s.both(s.zone, place.A, place.B))
	case localize.KindNode:
		return anyOf(s.either(s.node, place.A, func(side *names.End) string { return side.K8sNodeName }))
	case localize.KindPod:
		return anyOf(s.either(s.pod, place.A, func(side *names.End) string { return side.K8sPodName }))
	case localize.KindListener:
		if place.Port != 0 && (s.keeps(names.SourcePort) || s.keeps(names.DestinationPort)) {
			return anyOf(s.listener(place))
		}
	}
	return anyOf(s.either(s.workload, place.A, func(side *names.End) string { return s.word(side, place.A) }))
}

// tells tells whether what leaves says which flows are of a place.
func (s *sieve) tells(place *localize.Place) bool {
	switch place.Kind {
	case localize.KindPod:
		return s.keeps(names.Source.K8sPodName) || s.keeps(names.Destination.K8sPodName)
	case localize.KindNode:
		return s.keeps(names.Source.K8sNodeName) || s.keeps(names.Destination.K8sNodeName)
	case localize.KindNodePair:
		return s.keeps(names.Source.K8sNodeName) && s.keeps(names.Destination.K8sNodeName)
	case localize.KindZonePair:
		return s.keeps(names.Source.Zone) && s.keeps(names.Destination.Zone)
	case localize.KindPair:
		return true
	}
	return standsFor(place.A) != byAddress || s.keeps(names.Source.Address)
}

// A naming is the condition that somebody is at one side.
type naming func(side *names.End, name localize.Name) string

// either asks for somebody at the sides of which what leaves tells who is there, by an attribute: the flows
// of the others are there once, as their peers report them.
func (s *sieve) either(of naming, a localize.Name, by func(side *names.End) string) (conditions []string) {
	sides := [...]*names.End{&names.Source, &names.Destination}
	none := !s.keeps(by(sides[0])) && !s.keeps(by(sides[1]))
	for _, side := range sides {
		if none || s.keeps(by(side)) {
			conditions = append(conditions, of(side, a))
		}
	}
	return conditions
}

// word is the attribute that tells a workload at a side.
func (s *sieve) word(side *names.End, n localize.Name) string {
	switch standsFor(n) {
	case byKind:
		return side.Kind
	case byService:
		return side.ServiceName
	case byAddress:
		if s.keeps(side.Address) {
			return side.Address
		}
		return side.WorkloadKind
	}
	return side.WorkloadName
}

func (s *sieve) both(of naming, a, b localize.Name) []string {
	return []string{
		allOf(of(&names.Source, a), of(&names.Destination, b)),
		allOf(of(&names.Source, b), of(&names.Destination, a)),
	}
}

// listener are the connections of a port, which a client may know by that of a Service.
func (s *sieve) listener(place *localize.Place) []string {
	to := equalsPort(names.DestinationPort, place.Port)
	if s.keeps(names.DestinationNATPort) {
		to = anyOf([]string{to, equalsPort(names.DestinationNATPort, place.Port)})
	}
	return s.either(func(side *names.End, n localize.Name) string {
		if side.Port == names.SourcePort {
			return allOf(s.workload(side, n), equalsPort(side.Port, place.Port))
		}
		return allOf(s.workload(side, n), to)
	}, place.A, func(side *names.End) string { return side.Port })
}

// workload is the condition that a workload, or who stands for one, is at a side.
func (s *sieve) workload(side *names.End, n localize.Name) string {
	switch standsFor(n) {
	case byKind:
		return s.equals(side.Kind, n.Kind)
	case byService:
		return allOf(s.cluster(side, n), s.equals(side.ServiceName, n.Name))
	case byAddress:
		if s.keeps(side.Address) {
			return allOf(s.cluster(side, n), s.equals(side.Address, n.Name))
		}
		return allOf(s.cluster(side, n), s.equals(side.WorkloadKind, n.Kind))
	}
	if !s.named && side.Address == names.SourceAddress {
		return s.resource(n)
	}
	name := s.equals(side.WorkloadName, n.Name)
	if n.Kind == names.KindProcess {
		return allOf(s.cluster(side, n), s.equals(side.WorkloadKind, n.Kind), name, s.host(side, n.Namespace))
	}
	return allOf(s.cluster(side, n), s.equals(side.K8sNamespaceName, n.Namespace), s.kind(side, n.Kind), name)
}

// kind is that of a workload. Who connects to its Service knows that only, as long as nobody tells
// where connections went: it goes by the same name.
func (s *sieve) kind(side *names.End, kind string) string {
	if kind == names.KindService || kind == "" {
		return ""
	}
	if side.Address == names.SourceAddress {
		return s.equals(side.WorkloadKind, kind)
	}
	return anyOf([]string{s.equals(side.WorkloadKind, kind), s.equals(side.WorkloadKind, names.KindService)})
}

// resource is the condition that the observed end is a workload, of points that have no names of ours:
// their resource tells, or whoever has named them before.
func (s *sieve) resource(n localize.Name) string {
	if n.Kind == names.KindProcess {
		return allOf(s.cluster(&names.Source, n), equals(names.HostName, n.Namespace), anyOf([]string{
			equals(names.ProcessExecutableName, n.Name), equals(names.Source.WorkloadName, n.Name),
		}))
	}
	return allOf(
		s.cluster(&names.Source, n),
		anyOf([]string{equals(names.K8sNamespaceName, n.Namespace), equals(names.Source.K8sNamespaceName, n.Namespace)}),
		anyOf([]string{equals(names.K8sOwner(n.Kind), n.Name), equals(names.ServiceName, n.Name), equals(names.Source.WorkloadName, n.Name)}))
}

func (s *sieve) pod(side *names.End, n localize.Name) string {
	of := allOf(s.equals(side.K8sNamespaceName, n.Namespace), s.equals(side.K8sPodName, n.Name))
	if !s.named && side.Address == names.SourceAddress {
		of = anyOf([]string{allOf(equals(names.K8sNamespaceName, n.Namespace), equals(names.K8sPodName, n.Name)), of})
	}
	return allOf(s.cluster(side, n), of)
}

// node goes by the host where nobody has named a node.
func (s *sieve) node(side *names.End, n localize.Name) string {
	return allOf(s.cluster(side, n), anyOf([]string{s.equals(side.K8sNodeName, n.Name), s.host(side, n.Name)}))
}

// host is that of the observed end, which alone has a resource.
func (s *sieve) host(side *names.End, name string) string {
	if !s.ofHost || side.Address != names.SourceAddress {
		return ""
	}
	return equals(names.HostName, name)
}

func (s *sieve) zone(side *names.End, n localize.Name) string {
	return allOf(s.cluster(side, n), s.equals(side.Zone, n.Name))
}

// cluster is the condition that a side is in that of somebody. Of points that have no names of ours the resource
// may tell, and the source of a peer of which nobody says another.
func (s *sieve) cluster(side *names.End, n localize.Name) string {
	switch is := equals(side.K8sClusterName, n.Cluster); {
	case !s.keeps(side.K8sClusterName):
		return ""
	case s.named:
		return is
	case side.Address == names.SourceAddress:
		return anyOf([]string{is, equals(names.K8sClusterName, n.Cluster)})
	default:
		return anyOf([]string{is, s.cluster(&names.Source, n)})
	}
}

// equals is the condition that an attribute of the point has a value, if it leaves.
func (s *sieve) equals(attribute, value string) string {
	if !s.keeps(attribute) {
		return ""
	}
	return equals(attribute, value)
}

func equals(attribute, value string) string {
	if attribute == "" || value == "" {
		return ""
	}
	return fmt.Sprintf("%s = %q", attribute, value)
}

func equalsPort(attribute string, port uint16) string { return fmt.Sprintf("%s = %d", attribute, port) }

// allOf joins conditions that all have to be true, anyOf those of which one has to. What is empty is
// none.
func allOf(conditions ...string) string { return join(conditions, " and ") }

func anyOf(conditions []string) string { return join(conditions, " or ") }

// join puts what is joined itself in parentheses.
func join(conditions []string, by string) string {
	conditions = slices.DeleteFunc(conditions, func(c string) bool { return c == "" })
	if len(conditions) == 1 {
		return conditions[0]
	}
	for i, c := range conditions {
		if strings.Contains(c, " and ") || strings.Contains(c, " or ") {
			conditions[i] = "(" + c + ")"
		}
	}
	return strings.Join(conditions, by)
}
