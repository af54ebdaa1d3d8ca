// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package impair

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// payload returns how many bytes a TCP packet carries, and whether it is one.
// IPv6 extension headers are not expected.
func payload(packet []byte) (bytes int, tcp bool) {
	if len(packet) < 20 {
		return 0, false
	}
	var header, total int
	var protocol byte
	switch packet[0] >> 4 {
	case 4:
		header, total = int(packet[0]&0xf)*4, int(binary.BigEndian.Uint16(packet[2:]))
		protocol = packet[9]
	case 6:
		header, total = 40, 40+int(binary.BigEndian.Uint16(packet[4:]))
		protocol = packet[6]
	}
	if protocol != unix.IPPROTO_TCP || len(packet) < header+20 {
		return 0, false
	}
	return max(0, total-header-int(packet[header+12]>>4)*4), true
}
