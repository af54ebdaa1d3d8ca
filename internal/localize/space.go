// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package localize

// A key is a place, packed: 4 bits of kind, 1 of both, twice 29 of a name's number.
type key uint64

const nameBits = 29

func pack(kind Kind, both bool, a, b uint32) key {
	k := key(kind)<<(2*nameBits+1) | key(a)<<nameBits | key(b)
	if both {
		k |= 1 << (2 * nameBits)
	}
	return k
}

func (k key) kind() Kind { return Kind(k >> (2*nameBits + 1)) }

// maxKeys is how many places one edge is part of, at most.
const maxKeys = 11

// A space numbers names, so that places are compared as numbers. 0 is not known.
type space struct {
	workloads map[Name]uint32
	pods      map[Name]uint32
	nodes     map[Name]uint32
	zones     map[Name]uint32
	open      bool // new names get numbers
}

func newSpace() *space {
	return &space{
		workloads: make(map[Name]uint32), pods: make(map[Name]uint32),
		nodes: make(map[Name]uint32), zones: make(map[Name]uint32), open: true,
	}
}

func (s *space) number(names map[Name]uint32, name Name) uint32 {
	if name == (Name{}) {
		return 0
	}
	id, ok := names[name]
	if !ok && s.open {
		id = uint32(len(names)) + 1
		names[name] = id
	}
	return id
}

// keys appends the places that an edge is part of.
func (s *space) keys(to []key, e *Edge) []key {
	to = s.ends(to, KindPod, s.number(s.pods, e.From.Pod), s.number(s.pods, e.To.Pod))
	a, b := s.number(s.workloads, e.From.Workload), s.number(s.workloads, e.To.Workload)
	to = s.pairs(s.ends(to, KindWorkload, a, b), KindPair, a, b)
	a, b = s.number(s.nodes, e.From.InNode()), s.number(s.nodes, e.To.InNode())
	to = s.ends(to, KindNode, a, b)
	if a != b { // else the node says it
		to = s.pairs(to, KindNodePair, a, b)
	}
	return s.pairs(to, KindZonePair, s.number(s.zones, e.From.InZone()), s.number(s.zones, e.To.InZone()))
}

func (s *space) ends(to []key, kind Kind, a, b uint32) []key {
	if a != 0 {
		to = append(to, pack(kind, false, a, 0))
	}
	if b != 0 && b != a {
		to = append(to, pack(kind, false, b, 0))
	}
	return to
}

func (s *space) pairs(to []key, kind Kind, a, b uint32) []key {
	if a == 0 || b == 0 {
		return to
	}
	return append(to, pack(kind, false, a, b), pack(kind, true, min(a, b), max(a, b)))
}
