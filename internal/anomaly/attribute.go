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

// addressBits are those of a flow that tell it from all others of its resource, if it has both.
var addressBits = map[string]uint8{names.Source.Address: 1, names.Destination.Address: 2}

const bothAddresses = 3

// isName tells whether an attribute of a flow or of a resource says who is there. That may be found out
// when its first points have gone, and change: it is no part of what a flow is known by.
func isName(name string) bool {
	switch name {
	case names.Source.Address, names.Source.Port, names.Destination.Address, names.Destination.Port,
		names.DestinationNATAddress, names.DestinationNATPort: // without a client's port, they tell flows apart
		return false
	case names.SameHost, names.FlowPair, names.ServiceName, names.ServiceNamespace, names.AvailabilityZone:
		return true
	}
	return strings.HasPrefix(name, "source.") || strings.HasPrefix(name, "destination.") || strings.HasPrefix(name, "k8s.")
}

func ofFlow(name string) bool {
	return flowAttributes[name] || strings.HasPrefix(name, "source.") || strings.HasPrefix(name, "destination.")
}
