// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"strings"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// flowAttributes are those that all data points of one flow have, apart from those of
// its ends.
var flowAttributes = map[string]bool{
	names.NetworkType: true, names.NetworkTransport: true, names.HandshakeRole: true,
	names.SameHost: true, names.MetricOverflow: true, names.FlowPair: true,
}

// What a point has of its flow's ends.
const (
	hasSource      uint8 = 1 << iota // its address
	hasDestination                   // its address
	hasPeer                          // anything of the destination
)

func bitsOf(name string) uint8 {
	switch {
	case name == names.Source.Address:
		return hasSource
	case name == names.Destination.Address:
		return hasDestination | hasPeer
	case strings.HasPrefix(name, "destination."):
		return hasPeer
	}
	return 0
}

// addressed tells whether addresses tell a flow from all others of its process: a listener has but one.
func addressed(bits uint8) bool {
	return bits&hasSource != 0 && (bits&hasDestination != 0 || bits&hasPeer == 0)
}

// isName tells whether an attribute of a flow or of a resource says who is there. That may be found out
// when its first points have gone, and change: it is no part of what a flow is known by.
func isName(name string) bool {
	switch name {
	case names.Source.Address, names.Source.Port, names.Destination.Address, names.Destination.Port,
		names.DestinationNATAddress, names.DestinationNATPort: // without a client's port, they tell flows apart
		return false
	case names.SameHost, names.ServiceName, names.ServiceNamespace, names.AvailabilityZone:
		return true
	}
	return strings.HasPrefix(name, "source.") || strings.HasPrefix(name, "destination.") || strings.HasPrefix(name, "k8s.")
}

func ofFlow(name string) bool {
	return flowAttributes[name] || strings.HasPrefix(name, "source.") || strings.HasPrefix(name, "destination.")
}
