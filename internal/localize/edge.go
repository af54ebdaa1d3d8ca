// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package localize

// A Name tells things of one kind apart. Empty: not known.
type Name struct {
	Cluster   string
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

// InNode is the name of the node, which is in the workload's cluster; empty if it is not known.
func (e *End) InNode() Name { return e.in(e.Node) }

// InZone is that of the zone, likewise.
func (e *End) InZone() Name { return e.in(e.Zone) }

func (e *End) in(place string) Name {
	if place == "" {
		return Name{}
	}
	return Name{Cluster: e.Workload.Cluster, Name: place}
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
	// Evidence that the edge is bad, a log-likelihood ratio in nats. Of one that is well it is negative; if it is not,
	// that is sure.
	Evidence float64
	Side     Side
	// Alike: what one pod of a workload does all do that are not seen to be well, by edges with negative evidence.
	Alike bool
}
