// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"encoding/binary"
	"net/netip"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// decode converts the kernel's record of a flow. Histograms alias f. The gauges
// are those of the given sweep; an older one's are those of sockets that are gone.
func decode(d *flow.Delta, f *tcpwhyFlow, sweep uint32) {
	*d = flow.Delta{
		Key:          decodeKey(&f.Key),
		Serial:       f.Key.Serial,
		Since:        f.Since * 1000,
		Bytes:        f.Bytes,
		Segments:     f.Segments,
		DataSegments: f.DataSegments,
		Time:         f.Time,
		Exchanges:    uint64(f.Exchanges),
		Opened:       uint64(f.Opened),

		Setup:         sample(f.Setup.Sum, f.Setup.Counts[:]),
		Duration:      sample(f.Duration.Sum, f.Duration.Counts[:]),
		RTT:           sample(f.Rtt.Sum, f.Rtt.Counts[:]),
		RTTVariation:  sample(f.RttVariation.Sum, f.RttVariation.Counts[:]),
		ReceiveWindow: sample(f.ReceiveWindow.Sum, f.ReceiveWindow.Counts[:]),
		SendWindow:    sample(f.SendWindow.Sum, f.SendWindow.Counts[:]),
	}
	widen(d.Closed[:], f.Closed[:])
	decodeTrouble(&d.Trouble, f)
	if f.Now.Sweep == sweep {
		d.Live = f.Now.Live
		decodeGauges(&d.Now, f)
	}
}

func decodeTrouble(t *flow.Trouble, f *tcpwhyFlow) {
	widen(t.Retransmits[:], f.Retransmits[:])
	widen(t.Failed[:], f.Failed[:])
	widen(t.Resets[:], f.Resets[:])
	t.Episodes = uint64(f.Episodes)
	t.Spurious = uint64(f.Spurious)
	t.OutOfOrder = uint64(f.OutOfOrder)
	t.Probes = uint64(f.Probes)
	t.Stalls = uint64(f.Stalls)
	t.StallTime = f.StallTime
	t.Corks = uint64(f.Corks)
	t.Overflows = uint64(f.Overflows)
}

func decodeGauges(g *flow.Gauges, f *tcpwhyFlow) {
	n := &f.Now
	*g = flow.Gauges{
		QueueSend:        n.QueueSend,
		QueueUnsent:      n.QueueUnsent,
		QueueReceive:     n.QueueReceive,
		DeliveryRate:     n.DeliveryRate,
		Awaiting:         n.Awaiting,
		CongestionWindow: n.CongestionWindow,
		RTTMin:           n.RttMin,
		ReceiveBuffer:    n.ReceiveBuffer,
		SendBuffer:       n.SendBuffer,
		WindowScale:      n.Scale,
		ListenQueue:      n.ListenQueue,
		ListenLimit:      n.ListenLimit,
	}
}

func widen(wide []uint64, narrow []uint32) {
	for i, n := range narrow {
		wide[i] = uint64(n)
	}
}

func decodeKey(k *tcpwhyFlowKey) flow.Key {
	key := flow.Key{
		Owner:    decodeOwner(k.Owner),
		Overflow: k.Overflow != 0,
	}
	if key.Overflow {
		return key
	}
	key.Local = address(k.Local)
	key.LocalPort = k.LocalPort
	key.RemotePort = k.RemotePort
	key.Role = flow.Role(k.Role)
	if key.Role != flow.RoleListener {
		key.Remote = address(k.Remote)
	}
	if key.Remote.Is4() && key.Local == netip.IPv6Unspecified() { // an IPv6 socket that had no address yet
		key.Local = netip.IPv4Unspecified()
	}
	return key
}

func decodeOwner(k tcpwhyOwnerKey) flow.OwnerID {
	return flow.OwnerID{Start: k.Start, Program: k.Program}
}

func encodeOwner(id flow.OwnerID) *tcpwhyOwnerKey {
	return &tcpwhyOwnerKey{Start: id.Start, Program: id.Program}
}

// address undoes the mapping of IPv4.
func address(words [4]uint32) netip.Addr {
	var b [16]byte
	for i, w := range words {
		binary.NativeEndian.PutUint32(b[4*i:], w)
	}
	return netip.AddrFrom16(b).Unmap()
}

// words is the inverse of address.
func words(a netip.Addr) (w [4]uint32) {
	b := a.As16()
	for i := range w {
		w[i] = binary.NativeEndian.Uint32(b[4*i:])
	}
	return w
}

// sample splits the kernel's buckets, of which the first is that of 0.
func sample(sum uint64, counts []uint32) flow.Sample {
	s := flow.Sample{Zero: counts[0], Sum: sum}
	if sum != 0 {
		s.Counts = counts[1:]
	}
	return s
}
