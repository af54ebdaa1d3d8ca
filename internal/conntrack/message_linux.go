// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package conntrack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Attributes of a connection's entry (linux/netfilter/nfnetlink_conntrack.h), which
// golang.org/x/sys does not have.
const (
	ctaTupleOrig  = 1
	ctaTupleReply = 2
	ctaStatus     = 3
	ctaZone       = 18
	ctaFilter     = 25
	ctaStatusMask = 26

	ctaTupleIP    = 1
	ctaTupleProto = 2

	ctaIPv4Src = 1
	ctaIPv4Dst = 2
	ctaIPv6Src = 3
	ctaIPv6Dst = 4

	ctaProtoNum     = 1
	ctaProtoSrcPort = 2
	ctaProtoDstPort = 3

	ctaFilterOrigFlags = 1
	filterProtoNum     = 1 << 3

	statusSrcNAT = 1 << 4 // IPS_SRC_NAT
	statusDstNAT = 1 << 5 // IPS_DST_NAT
)

// Kinds of messages: the subsystem above, what happened below.
const (
	messageNew    = unix.NFNL_SUBSYS_CTNETLINK << 8
	messageGet    = unix.NFNL_SUBSYS_CTNETLINK<<8 | 1
	messageDelete = unix.NFNL_SUBSYS_CTNETLINK<<8 | 2

	headerLen    = 16 // struct nlmsghdr
	nfgenmsgLen  = 4  // struct nfgenmsg
	attributesAt = headerLen + nfgenmsgLen
)

var errShort = errors.New("message is too short")

// A message tells of one connection, or that a dump is complete.
type message struct {
	kind     uint16
	sequence uint32
	entry    Entry
	tcp      bool // and translated; else the entry is none
}

// next decodes the first message of what a socket has given and returns the rest.
func next(b []byte) (m message, rest []byte, err error) {
	if len(b) < headerLen {
		return m, nil, errShort
	}
	length := int(binary.NativeEndian.Uint32(b))
	if length < headerLen || length > len(b) {
		return m, nil, fmt.Errorf("%w: %d bytes of %d", errShort, len(b), length)
	}
	m.kind = binary.NativeEndian.Uint16(b[4:])
	m.sequence = binary.NativeEndian.Uint32(b[8:])
	body := b[headerLen:length]
	rest = b[min((length+3)&^3, len(b)):]
	switch m.kind {
	case messageNew, messageDelete:
		err = m.decode(body)
	case unix.NLMSG_ERROR:
		err = failure(body)
	}
	return m, rest, err
}

// failure is what the kernel answered; 0 is none.
func failure(body []byte) error {
	if len(body) < 4 {
		return errShort
	}
	if code := int32(binary.NativeEndian.Uint32(body)); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}

func (m *message) decode(body []byte) error {
	if len(body) < nfgenmsgLen {
		return errShort
	}
	ad, err := netlink.NewAttributeDecoder(body[nfgenmsgLen:])
	if err != nil {
		return fmt.Errorf("decode entry: %w", err)
	}
	ad.ByteOrder = binary.BigEndian
	var original, reply tuple
	var status uint32
	for ad.Next() {
		switch ad.Type() {
		case ctaTupleOrig:
			ad.Nested(original.decode)
		case ctaTupleReply:
			ad.Nested(reply.decode)
		case ctaStatus:
			status = ad.Uint32()
		case ctaZone:
			m.entry.Zone = ad.Uint16()
		}
	}
	if err := ad.Err(); err != nil {
		return fmt.Errorf("decode entry: %w", err)
	}
	m.entry.Before = Tuple{original.source(), original.destination()}
	m.entry.After = Tuple{reply.destination(), reply.source()}
	m.tcp = original.protocol == unix.IPPROTO_TCP && status&(statusSrcNAT|statusDstNAT) != 0 &&
		original.complete() && reply.complete() && m.entry.Before != m.entry.After
	return nil
}

// A tuple is one direction of an entry, as the kernel tells it.
type tuple struct {
	src, dst         netip.Addr
	srcPort, dstPort uint16
	protocol         uint8
}

func (t *tuple) complete() bool              { return t.src.IsValid() && t.dst.IsValid() }
func (t *tuple) source() netip.AddrPort      { return netip.AddrPortFrom(t.src, t.srcPort) }
func (t *tuple) destination() netip.AddrPort { return netip.AddrPortFrom(t.dst, t.dstPort) }

func (t *tuple) decode(ad *netlink.AttributeDecoder) error {
	for ad.Next() {
		switch ad.Type() {
		case ctaTupleIP:
			ad.Nested(t.decodeAddresses)
		case ctaTupleProto:
			ad.Nested(t.decodePorts)
		}
	}
	return ad.Err()
}

func (t *tuple) decodeAddresses(ad *netlink.AttributeDecoder) error {
	for ad.Next() {
		address, _ := netip.AddrFromSlice(ad.Bytes())
		switch ad.Type() {
		case ctaIPv4Src, ctaIPv6Src:
			t.src = address
		case ctaIPv4Dst, ctaIPv6Dst:
			t.dst = address
		}
	}
	return ad.Err()
}

func (t *tuple) decodePorts(ad *netlink.AttributeDecoder) error {
	for ad.Next() {
		switch ad.Type() {
		case ctaProtoNum:
			t.protocol = ad.Uint8()
		case ctaProtoSrcPort:
			t.srcPort = ad.Uint16()
		case ctaProtoDstPort:
			t.dstPort = ad.Uint16()
		}
	}
	return ad.Err()
}

// dumpRequest asks for TCP connections of a family with the given bit of their status:
// the kernel passes over all others. Without a family it knows no such filter.
func dumpRequest(family uint8, status uint32) (netlink.Message, error) {
	ae := netlink.NewAttributeEncoder()
	ae.ByteOrder = binary.BigEndian
	ae.Uint32(ctaStatus, status)
	ae.Uint32(ctaStatusMask, status)
	ae.Nested(ctaTupleOrig, func(tuple *netlink.AttributeEncoder) error {
		tuple.Nested(ctaTupleProto, func(proto *netlink.AttributeEncoder) error {
			proto.Uint8(ctaProtoNum, unix.IPPROTO_TCP)
			return nil
		})
		return nil
	})
	ae.Nested(ctaFilter, func(filter *netlink.AttributeEncoder) error {
		filter.ByteOrder = binary.NativeEndian // flags, unlike all the rest
		filter.Uint32(ctaFilterOrigFlags, filterProtoNum)
		return nil
	})
	attributes, err := ae.Encode()
	if err != nil {
		return netlink.Message{}, fmt.Errorf("encode dump request: %w", err)
	}
	return netlink.Message{
		Header: netlink.Header{Type: messageGet, Flags: netlink.Request | netlink.Dump},
		Data:   append([]byte{family, unix.NFNETLINK_V0, 0, 0}, attributes...),
	}, nil
}
