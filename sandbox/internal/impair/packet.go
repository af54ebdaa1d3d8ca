// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package impair

import (
	"encoding/binary"
	"net/netip"
)

// protocolTCP is TCP's number in an IP header.
const protocolTCP = 6

// A Packet is what a TCP packet's headers say.
type Packet struct {
	From, To netip.AddrPort
	Sequence uint32
	Payload  int // bytes
	Length   int // bytes, headers included
}

// parse reads an IPv4 TCP packet; anything else is not ok.
func parse(raw []byte) (p Packet, ok bool) {
	if len(raw) < 20 || raw[0]>>4 != 4 || raw[9] != protocolTCP {
		return p, false
	}
	header := int(raw[0]&0xf) * 4
	if header < 20 || len(raw) < header+20 {
		return p, false
	}
	tcp := raw[header:]
	address := func(at int) netip.Addr { return netip.AddrFrom4([4]byte(raw[at : at+4])) }
	p.From = netip.AddrPortFrom(address(12), binary.BigEndian.Uint16(tcp))
	p.To = netip.AddrPortFrom(address(16), binary.BigEndian.Uint16(tcp[2:]))
	p.Sequence = binary.BigEndian.Uint32(tcp[4:])
	p.Length = int(binary.BigEndian.Uint16(raw[2:]))
	p.Payload = max(0, p.Length-header-int(tcp[12]>>4)*4)
	return p, true
}

// checksum writes down TCP's, which the kernel leaves to the network card. The packet is one
// that can be parsed, and whole.
func checksum(raw []byte) {
	header := int(raw[0]&0xf) * 4
	tcp := raw[header:]
	tcp[16], tcp[17] = 0, 0
	sum := uint32(protocolTCP + len(tcp))
	for _, part := range [][]byte{raw[12:20], tcp} { // both addresses are of the sum
		for ; len(part) > 1; part = part[2:] {
			sum += uint32(binary.BigEndian.Uint16(part))
		}
		if len(part) == 1 {
			sum += uint32(part[0]) << 8
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(tcp[16:], ^uint16(sum))
}
