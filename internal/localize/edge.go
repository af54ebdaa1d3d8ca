// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package localize

// A Name tells things of one kind apart. Empty: not known.
type Name struct {
	Namespace string
	Kind      string // of a workload: Deployment, …; else empty
	Name      string
}

func (n Name) known() bool { return n.Name != "" }

// An End is where an edge begins or ends.
type End struct {
	Workload Name
	Pod      Name
	Node     string
	Zone     string
	Port     uint16 // of the listener, if this end has one
}

// A Side says at which part of an edge its trouble is made.
type Side uint8

// Sides. All but the path are known for sure: the kernel of that end says so.
const (
	SidePath Side = iota
	SideSender
	SideReceiver
	SideListener
)

// An Edge is the data that one end sends to another.
type Edge struct {
	From, To End
	// Evidence that the edge is bad, a log-likelihood ratio in nats.
	Evidence float64
	Side     Side
}
