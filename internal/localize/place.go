// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package localize

// A Kind is what a place is.
type Kind uint8

// Kinds of places; where two explain the same, the one that comes first is named.
const (
	KindPair Kind = iota // what one workload sends to another
	KindPod
	KindListener
	KindWorkload
	KindNodePair
	KindNode
	KindZonePair
	numKinds
)

// A Place is where a fault may be. Pairs have two names, from the sender to the receiver,
// and may mean both directions; of other places B is empty.
type Place struct {
	Kind Kind
	A, B Name
	Both bool
	Port uint16 // of a listener
}

var kindWords = [numKinds]string{"pair", "pod", "listener", "workload", "node_pair", "node", "zone_pair"}

// String returns the word for the kind.
func (k Kind) String() string { return kindWords[k] }

// External is the kind of a name, and the name of all that go by none, of who is outside: none of ours, whatever
// it is that is wrong there.
const External = "external"

// Word says what a place is: the word for its kind, unless it is outside.
func (p *Place) Word() string {
	if p.A.Kind == External && (p.Kind == KindWorkload || p.Kind == KindListener) {
		return External
	}
	return p.Kind.String()
}

// A prior says what a fault at a kind of place does: quota is the share of the place's
// edges that it turns bad, cost is how unlikely (nats) such faults are. The numbers are
// from the design, where healthy edges separate a pod from its node.
type prior struct{ quota, cost float64 }

var priors = [numKinds]prior{
	KindPair:     {.9, 1},
	KindPod:      {.8, 1},
	KindListener: {.8, 1},
	KindWorkload: {.6, 2},
	KindNodePair: {.5, 2},
	KindNode:     {.5, 2},
	KindZonePair: {.5, 3},
}

// stray is the share of edges that are bad though no fault covers them.
const stray = .01
