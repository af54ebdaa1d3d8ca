// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package identity

import "net/netip"

// A Local is what is known of the end whose socket was read. Fields may be empty.
type Local struct {
	ContainerID string
	PodUID      string
	Process     string // name of the executable
	HostName    string
	Address     netip.Addr // IPv4 as such, not mapped
}

// A Directory tells identities. It is safe for concurrent use, and a look-up allocates
// nothing.
type Directory interface {
	// Local returns who the observed end was at a time (ns since 1970), or nil.
	Local(end Local, at uint64) *Identity
	// ContainerName returns the name that a container has in its pod, by its id, or "" if
	// it is not known, or in the pod's identity because there is no other.
	ContainerName(id string) string
	// Remote returns who had an address at a time (ns since 1970): never nil, at least
	// of KindUnknown or KindExternal. A port of 0 is not known.
	Remote(address netip.Addr, port uint16, at uint64) *Identity
}
