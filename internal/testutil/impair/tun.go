// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package impair

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// backlog is how many packets may wait in a device for a link that is busy.
const backlog = 20_000

// openTUN makes the host's device and returns its descriptor, which carries one
// IP packet per read and write.
func openTUN(t testing.TB, host netns.Host) (fd int) {
	t.Helper()
	require.NoError(t, host.Try(func() (err error) {
		fd, err = attachTUN(host.Link)
		return err
	}))
	link, err := host.Netlink().LinkByName(host.Link)
	require.NoError(t, err)
	require.NoError(t, host.Netlink().LinkSetTxQLen(link, backlog))
	host.AddAddress(host.Link, netip.PrefixFrom(host.IPv4, 24))
	host.AddAddress(host.Link, netip.PrefixFrom(host.IPv6, 64))
	host.Up(host.Link)
	return fd
}

// attachTUN makes a device in the calling thread's namespace.
func attachTUN(name string) (fd int, err error) {
	fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("make %s: %w", name, err)
	}
	return fd, nil
}
