// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package netns

import (
	"net"
	"net/netip"
	"unsafe"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Netlink manages links, addresses and routes of the namespace.
func (n *NS) Netlink() *netlink.Handle { return n.links }

// Up switches a link on.
func (n *NS) Up(name string) {
	n.t.Helper()
	link, err := n.links.LinkByName(name)
	require.NoError(n.t, err, "find link %s", name)
	require.NoError(n.t, n.links.LinkSetUp(link), "switch on link %s", name)
}

// skipDetection makes IPv6 addresses usable at once, the links' own (fe80::) among them:
// a router asks for its neighbours in the name of that one, and while duplicates of it are
// looked for, which takes up to two seconds, it does not ask and each packet is lost.
func (n *NS) skipDetection() {
	n.t.Helper()
	for _, of := range []string{"all", "default"} {
		n.SetSysctl("net.ipv6.conf."+of+".accept_dad", "0")
	}
}

// AddAddress gives a link an address, usable at once.
func (n *NS) AddAddress(name string, prefix netip.Prefix) {
	n.t.Helper()
	link, err := n.links.LinkByName(name)
	require.NoError(n.t, err, "find link %s", name)

	addr := &netlink.Addr{IPNet: &net.IPNet{
		IP:   prefix.Addr().AsSlice(),
		Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen()),
	}}
	require.NoError(n.t, n.links.AddrAdd(link, addr), "add %s to %s", prefix, name)
}

// DisableOffloads makes a link carry segments one by one (TSO, GSO and GRO
// off), so that a packet filter sees what TCP counts.
func (n *NS) DisableOffloads(name string) {
	n.t.Helper()
	n.Do(func() {
		for _, feature := range []uint32{unix.ETHTOOL_STSO, unix.ETHTOOL_SGSO, unix.ETHTOOL_SGRO} {
			require.NoError(n.t, ethtool(name, feature, 0), "switch off feature %#x of %s", feature, name)
		}
	})
}

// ethtool gives a link's feature a value, in the calling thread's namespace.
func ethtool(link string, command, value uint32) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()

	argument := struct{ command, value uint32 }{command, value}
	request := struct { // struct ifreq, whose union here is a pointer
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}{data: unsafe.Pointer(&argument)}
	copy(request.name[:unix.IFNAMSIZ-1], link)

	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
	if errno != 0 {
		return errno
	}
	return nil
}
