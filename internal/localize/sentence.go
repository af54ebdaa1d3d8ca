// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package localize

import "fmt"

// String names a place, as in "node node-4" or "pair shop/cart → shop/db".
func (p Place) String() string {
	switch p.Kind {
	case KindPair:
		return "pair " + p.both()
	case KindNodePair:
		return "node pair " + p.both()
	case KindZonePair:
		return "zone pair " + p.both()
	}
	name := p.A.String()
	if p.Kind == KindListener {
		name = fmt.Sprintf("%s:%d", name, p.Port)
	}
	if word := p.Word(); word != p.A.Name {
		return word + " " + name
	}
	return name
}

func (p Place) both() string {
	if p.Both {
		return p.A.String() + " ↔ " + p.B.String()
	}
	return p.A.String() + " → " + p.B.String()
}

// String is the name, after its cluster and namespace if it has any.
func (n Name) String() string {
	s := n.Name
	if n.Namespace != "" {
		s = n.Namespace + "/" + s
	}
	if n.Cluster != "" {
		s = n.Cluster + "/" + s
	}
	return s
}

// Sentence says what speaks for the root.
func (r *Root) Sentence() string {
	s := fmt.Sprintf("%d of %d edges of %s are bad, %d of %d elsewhere",
		r.Bad, r.Total, r.Place, r.BadElsewhere, r.TotalElsewhere)
	if r.Open {
		s += "; cannot tell which end"
	}
	return s + "."
}
