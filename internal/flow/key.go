// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"net/netip"
	"unique"
)

// A Role says which end of the handshake the observed socket was.
type Role uint8

// Roles of the observed socket. Values are those of the kernel side.
const (
	RoleUnknown  Role = iota
	RoleClient        // sent the SYN
	RoleServer        // answered it
	RoleListener      // waits for it: a flow without a peer
)

// An OwnerID identifies the process that owns a socket. The start time tells a
// re-used PID apart, Exec the programs that it executes one after the other. In
// granularity "peer" it identifies a group of processes: PID is 0, and the others
// are the group's number. The zero value is an owner that nobody saw.
type OwnerID struct {
	Start   uint32 // units of 2^20 ns since boot, modulo 2^32
	Program uint32 // PID, and Exec above it: as the kernel side has it, for keys are many
}

// PIDBits is the number of bits of a PID, PID_BITS of the kernel side.
const PIDBits = 22

// PID is the process ID.
func (id OwnerID) PID() uint32 { return id.Program & (1<<PIDBits - 1) }

// Exec is the kernel's count of exec, modulo 1024.
func (id OwnerID) Exec() uint16 { return uint16(id.Program >> PIDBits) }

// An Owner is what is known of the process behind an [OwnerID]. Empty fields
// are unknown.
type Owner struct {
	ID          OwnerID
	Executable  string // basename of the executable file
	ContainerID string // 64 hexadecimal digits, as runtimes print it
	PodUID      string // UID of the Kubernetes pod, with dashes
}

// A Key is the identity of a flow. It never changes after the flow's creation.
//
// A port of 0 is not part of the key: the client's ephemeral port, unless the
// granularity is "connection".
type Key struct {
	Local  netip.Addr // the observing end; IPv4-mapped addresses are unmapped
	Remote netip.Addr // its peer; the network's address where masked; none of a listener
	// Translated is who answers for Remote on this connection, where that is somebody
	// else and known. Its port is 0 where Remote's is. It knows the flow's pair, too.
	Translated Peer
	Owner      OwnerID
	LocalPort  uint16
	RemotePort uint16
	Role       Role
	// Overflow marks the flow that takes in what found no room of its own:
	// one per owner, and one with the zero owner for all the rest. Addresses,
	// ports and role are zero.
	Overflow bool
}

// A Peer is an address with a port, or nobody, and a pair. Few flows have either, and many
// of them the same: it is as small as a pointer.
type Peer struct{ handle unique.Handle[peer] }

type peer struct {
	address netip.AddrPort
	pair    uint64
}

// PeerOf returns the peer at an address; at an invalid one it is nobody. The pair is the
// same from either end of a flow's connections; 0 is that nobody wants to know, or it is not
// known.
func PeerOf(address netip.AddrPort, pair uint64) Peer {
	if !address.IsValid() && pair == 0 {
		return Peer{}
	}
	return Peer{unique.Make(peer{address, pair})}
}

// IsValid reports whether it is somebody.
func (p Peer) IsValid() bool { return p.AddrPort().IsValid() }

// AddrPort returns where the peer is; invalid for nobody.
func (p Peer) AddrPort() netip.AddrPort { return p.value().address }

// Pair returns the pair.
func (p Peer) Pair() uint64 { return p.value().pair }

func (p Peer) value() peer {
	if p == (Peer{}) {
		return peer{}
	}
	return p.handle.Value()
}
