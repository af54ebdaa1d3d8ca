// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package conntrack

import "net/netip"

// A Tuple is the ends of a connection in one direction. IPv4 is not mapped.
type Tuple struct {
	Source, Destination netip.AddrPort
}

// An Entry is a translated connection, in the direction of its first packet.
type Entry struct {
	Before, After Tuple // translation
	Zone          uint16
}

// DestinationTranslated reports whether the destination is somebody else behind.
func (e Entry) DestinationTranslated() bool { return e.Before.Destination != e.After.Destination }

// SourceTranslated reports whether the source is somebody else in front.
func (e Entry) SourceTranslated() bool { return e.Before.Source != e.After.Source }
