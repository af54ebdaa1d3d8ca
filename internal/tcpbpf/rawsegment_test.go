// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// Flags of a TCP header.
const (
	flagSYN = 0x02
	flagRST = 0x04
	flagACK = 0x10
)

// A rawSegment is sent by no socket of TCP, so the kernel answers with a RST what comes back.
type rawSegment struct {
	from, to netip.AddrPort
	flags    byte
}

func (s rawSegment) send(t *testing.T, ns *netns.NS) {
	t.Helper()
	require.NoError(t, s.try(ns))
}

func (s rawSegment) try(ns *netns.NS) error {
	return ns.Try(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: s.from.Addr().As4()}); err != nil {
			return err
		}
		return unix.Sendto(fd, s.header(), 0, &unix.SockaddrInet4{Addr: s.to.Addr().As4()})
	})
}

// header is that of TCP, without options or payload.
func (s rawSegment) header() []byte {
	const length = 20
	b := make([]byte, length)
	binary.BigEndian.PutUint16(b, s.from.Port())
	binary.BigEndian.PutUint16(b[2:], s.to.Port())
	binary.BigEndian.PutUint32(b[4:], 1) // sequence number
	b[12], b[13] = length/4<<4, s.flags
	binary.BigEndian.PutUint16(b[14:], 1000) // window
	from, to := s.from.Addr().As4(), s.to.Addr().As4()
	pseudo := append(append(from[:], to[:]...), 0, unix.IPPROTO_TCP, 0, length)
	binary.BigEndian.PutUint16(b[16:], checksum(append(pseudo, b...)))
	return b
}

// checksum is the Internet's, of an even number of bytes.
func checksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) > 0; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
