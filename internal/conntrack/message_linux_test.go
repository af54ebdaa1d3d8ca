// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package conntrack

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/mdlayher/netlink"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// wire is an event as the kernel writes it.
func wire(t testing.TB, kind uint16, protocol uint8, status uint32, e Entry) []byte {
	ae := netlink.NewAttributeEncoder()
	ae.ByteOrder = binary.BigEndian
	ae.Nested(ctaTupleOrig, oneWay(protocol, e.Before.Source, e.Before.Destination))
	ae.Nested(ctaTupleReply, oneWay(protocol, e.After.Destination, e.After.Source))
	ae.Uint32(12, 4711) // CTA_ID
	ae.Uint32(ctaStatus, status)
	attributes, err := ae.Encode()
	require.NoError(t, err)
	b := binary.NativeEndian.AppendUint32(nil, uint32(attributesAt+len(attributes)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, make([]byte, attributesAt-len(b))...)
	return append(b, attributes...)
}

func oneWay(protocol uint8, source, destination netip.AddrPort) func(*netlink.AttributeEncoder) error {
	return func(ae *netlink.AttributeEncoder) error {
		from, to := uint16(ctaIPv4Src), uint16(ctaIPv4Dst)
		if source.Addr().Is6() {
			from, to = ctaIPv6Src, ctaIPv6Dst
		}
		ae.Nested(ctaTupleIP, func(ip *netlink.AttributeEncoder) error {
			ip.Bytes(from, source.Addr().AsSlice())
			ip.Bytes(to, destination.Addr().AsSlice())
			return nil
		})
		ae.Nested(ctaTupleProto, func(proto *netlink.AttributeEncoder) error {
			proto.Uint8(ctaProtoNum, protocol)
			proto.Uint16(ctaProtoSrcPort, source.Port())
			proto.Uint16(ctaProtoDstPort, destination.Port())
			return nil
		})
		return nil
	}
}

var toSix = Entry{
	Before: Tuple{netip.MustParseAddrPort("[2001:db8::1]:40000"), netip.MustParseAddrPort("[2001:db8:1::1]:80")},
	After:  Tuple{netip.MustParseAddrPort("[2001:db8::1]:40000"), netip.MustParseAddrPort("[2001:db8:2::1]:8080")},
}

// TestDecode reads events of both families and passes over what the kernel's filter does not
// pass (which only a kernel can run: TestBackendOfEachConnection).
func TestDecode(t *testing.T) {
	for _, e := range []Entry{toOne, toSix} {
		b := append(wire(t, messageNew, unix.IPPROTO_TCP, statusDstNAT, e), wire(t, messageDelete, unix.IPPROTO_TCP, statusSrcNAT, e)...)
		m, rest, err := next(b)
		require.NoError(t, err)
		require.Equal(t, message{kind: messageNew, entry: e, tcp: true}, m)
		m, rest, err = next(rest)
		require.NoError(t, err)
		require.Equal(t, message{kind: messageDelete, entry: e, tcp: true}, m)
		require.Empty(t, rest)
	}
	for name, b := range map[string][]byte{
		"UDP":           wire(t, messageNew, unix.IPPROTO_UDP, statusDstNAT, toOne),
		"untranslated":  wire(t, messageNew, unix.IPPROTO_TCP, 0, toOne),
		"to themselves": wire(t, messageNew, unix.IPPROTO_TCP, statusDstNAT, Entry{Before: toOne.Before, After: toOne.Before}),
	} {
		m, _, err := next(b)
		require.NoError(t, err, name)
		require.False(t, m.tcp, name)
	}
}

func TestFilterAssembles(t *testing.T) {
	raw, err := eventFilter()
	require.NoError(t, err)
	instructions, all := bpf.Disassemble(raw)
	require.True(t, all)
	for i, instruction := range instructions {
		if jump, ok := instruction.(bpf.JumpIf); ok && jump.SkipTrue > 0 {
			require.Equal(t, bpf.RetConstant{Val: 0}, instructions[i+1+int(jump.SkipTrue)])
		}
	}
}

func FuzzNext(f *testing.F) {
	whole := wire(f, messageNew, unix.IPPROTO_TCP, statusDstNAT, toOne)
	f.Add(whole)
	f.Add(wire(f, messageDelete, unix.IPPROTO_TCP, statusSrcNAT, toSix))
	f.Add(whole[:len(whole)-3])
	f.Add([]byte{16, 0, 0, 0, 2, 0})
	f.Add([]byte{20, 0, 0, 0, unix.NLMSG_ERROR, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			m, rest, err := next(b)
			if err != nil {
				return
			}
			require.Less(t, len(rest), len(b), "each message takes something")
			if m.tcp {
				require.True(t, m.entry.Before.Source.Addr().IsValid())
				require.True(t, m.entry.After.Destination.Addr().IsValid())
				require.NotEqual(t, m.entry.Before, m.entry.After)
			}
			b = rest
		}
	})
}
