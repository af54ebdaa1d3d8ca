// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"encoding/binary"
	"net/netip"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// pidBits is the number of bits of a PID, PID_BITS of the kernel side.
const pidBits = 22

// decode converts the kernel's record of a flow. Histograms alias f. The gauges
// are those of the given sweep; an older one's are those of sockets that are gone.
func decode(d *flow.Delta, f *tcpwhyFlow, sweep uint32) {
	*d = flow.Delta{
		Key:          decodeKey(f),
		Since:        f.Since * 1000,
		Bytes:        f.Bytes,
		Segments:     f.Segments,
		DataSegments: f.DataSegments,
		Retransmits:  f.Retransmits,
		Opened:       f.Opened,
		Closed:       f.Closed,

		RTT:           sample(f.Rtt.Sum, f.Rtt.Counts[:]),
		RTTVariation:  sample(f.RttVariation.Sum, f.RttVariation.Counts[:]),
		ReceiveWindow: sample(f.ReceiveWindow.Sum, f.ReceiveWindow.Counts[:]),
		SendWindow:    sample(f.SendWindow.Sum, f.SendWindow.Counts[:]),
	}
	if f.LiveSweep == sweep {
		d.Live = f.Live
	}
}

func decodeKey(f *tcpwhyFlow) flow.Key {
	k := &f.Key
	key := flow.Key{
		Owner:    decodeOwner(k.Owner),
		Overflow: k.Overflow != 0,
	}
	if key.Overflow {
		return key
	}
	key.Local = address(k.Local)
	key.Remote = address(k.Remote)
	key.LocalPort = k.LocalPort
	key.RemotePort = k.RemotePort
	key.Role = flow.Role(k.Role)
	return key
}

func decodeOwner(k tcpwhyOwnerKey) flow.OwnerID {
	return flow.OwnerID{PID: k.Program & (1<<pidBits - 1), Exec: k.Program >> pidBits, Start: uint64(k.Start)}
}

func encodeOwner(id flow.OwnerID) *tcpwhyOwnerKey {
	return &tcpwhyOwnerKey{Start: uint32(id.Start), Program: id.PID | id.Exec<<pidBits}
}

// address undoes the mapping of IPv4.
func address(words [4]uint32) netip.Addr {
	var b [16]byte
	for i, w := range words {
		binary.NativeEndian.PutUint32(b[4*i:], w)
	}
	return netip.AddrFrom16(b).Unmap()
}

// sample splits the kernel's buckets, of which the first is that of 0.
func sample(sum uint64, counts []uint32) flow.Sample {
	s := flow.Sample{Zero: counts[0], Sum: sum}
	if sum != 0 {
		s.Counts = counts[1:]
	}
	return s
}
