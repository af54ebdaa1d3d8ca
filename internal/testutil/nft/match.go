// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package nft

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// A Match selects segments. It holds if one of its alternatives does; they
// exclude each other.
type Match struct {
	alternatives [][]expr.Any
}

// Flags of the TCP header.
const (
	FIN byte = 1 << iota
	SYN
	RST
	PSH
	ACK
)

// SourcePort matches segments from a port.
func SourcePort(port uint16) Match { return header(0, nil, binary.BigEndian.AppendUint16(nil, port)) }

// DestinationPort matches segments to a port.
func DestinationPort(port uint16) Match {
	return header(2, nil, binary.BigEndian.AppendUint16(nil, port))
}

// Flags matches segments that have all of the flags.
func Flags(flags byte) Match { return header(13, []byte{flags}, []byte{flags}) }

// Data matches segments with payload: those longer than their headers, whose
// length is a field of the TCP header. IP options are not expected.
func Data() (m Match) {
	for _, ip := range []struct {
		family byte
		header uint32
	}{{unix.NFPROTO_IPV4, 20}, {unix.NFPROTO_IPV6, 40}} {
		for words := uint32(5); words <= 15; words++ {
			alternative := compareMeta(expr.MetaKeyNFPROTO, expr.CmpOpEq, []byte{ip.family})
			alternative = append(alternative, header(12, []byte{0xf0}, []byte{byte(words << 4)}).alternatives[0]...)
			alternative = append(alternative, longer(ip.header+4*words)...)
			m.alternatives = append(m.alternatives, alternative)
		}
	}
	return m
}

// Longer matches packets of more bytes, IP header included.
func Longer(bytes uint32) Match { return one(longer(bytes)) }

// tcp matches all segments.
func tcp() Match {
	return one(compareMeta(expr.MetaKeyL4PROTO, expr.CmpOpEq, []byte{unix.IPPROTO_TCP}))
}

// congestible matches packets of IPv4 that may be marked as having met congestion, which SYNs
// and retransmissions are not (RFC 3168).
func congestible() Match {
	bits := []byte{0x03}
	return one(append(compareMeta(expr.MetaKeyNFPROTO, expr.CmpOpEq, []byte{unix.NFPROTO_IPV4}),
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: trafficClass, Len: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 1, Mask: bits, Xor: []byte{0}},
		&expr.Cmp{Register: 1, Op: expr.CmpOpNeq, Data: []byte{0}}))
}

// random matches a share of the packets that reach it, in thousandths.
func random(permille uint32) Match {
	return one(append([]expr.Any{
		&expr.Numgen{Register: 1, Modulus: 1000, Type: unix.NFT_NG_RANDOM},
	}, compareNumber(expr.CmpOpLt, permille)...))
}

// numbered holds for n of the packets that reach it.
func numbered(first, n uint32) []expr.Any {
	return []expr.Any{
		&expr.Numgen{Register: 1, Modulus: math.MaxUint32, Type: unix.NFT_NG_INCREMENTAL},
		&expr.Byteorder{SourceRegister: 1, DestRegister: 1, Op: expr.ByteorderHton, Len: 4, Size: 4},
		&expr.Cmp{Register: 1, Op: expr.CmpOpGte, Data: binaryutil.BigEndian.PutUint32(first)},
		&expr.Cmp{Register: 1, Op: expr.CmpOpLt, Data: binaryutil.BigEndian.PutUint32(first + n)},
	}
}

// longer matches packets of more bytes, IP header included.
func longer(bytes uint32) []expr.Any {
	return append([]expr.Any{&expr.Meta{Key: expr.MetaKeyLEN, Register: 1}}, compareNumber(expr.CmpOpGt, bytes)...)
}

// compareNumber compares register 1, a number of the host's byte order. The
// kernel compares byte by byte, which for an order needs the network's.
func compareNumber(op expr.CmpOp, with uint32) []expr.Any {
	return []expr.Any{
		&expr.Byteorder{SourceRegister: 1, DestRegister: 1, Op: expr.ByteorderHton, Len: 4, Size: 4},
		&expr.Cmp{Register: 1, Op: op, Data: binaryutil.BigEndian.PutUint32(with)},
	}
}

func compareMeta(key expr.MetaKey, op expr.CmpOp, with []byte) []expr.Any {
	return []expr.Any{&expr.Meta{Key: key, Register: 1}, &expr.Cmp{Register: 1, Op: op, Data: with}}
}

// header compares bytes of the TCP header, after a mask if there is one.
func header(offset uint32, mask, with []byte) Match {
	size := uint32(len(with))
	exprs := []expr.Any{&expr.Payload{
		DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: size,
	}}
	if mask != nil {
		exprs = append(exprs, &expr.Bitwise{
			SourceRegister: 1, DestRegister: 1, Len: size, Mask: mask, Xor: make([]byte, size),
		})
	}
	return one(append(exprs, &expr.Cmp{Register: 1, Op: expr.CmpOpEq, Data: with}))
}

func one(exprs []expr.Any) Match { return Match{alternatives: [][]expr.Any{exprs}} }

// combine returns every choice of one alternative from each match.
func combine(matches []Match) [][]expr.Any {
	all := [][]expr.Any{nil}
	for _, match := range matches {
		var next [][]expr.Any
		for _, before := range all {
			for _, alternative := range match.alternatives {
				next = append(next, slices.Concat(before, alternative))
			}
		}
		all = next
	}
	return all
}
