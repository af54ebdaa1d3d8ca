// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// A wire joins two hosts. While it is cut, what one sends goes to a neighbour that
// is not there.
type wire struct {
	t    *testing.T
	a, b netns.Host
}

var nobody = net.HardwareAddr{0x02, 0, 0, 0, 0xde, 0xad}

func (w wire) cut() {
	w.t.Helper()
	w.teach(w.a, w.b.IPv4, nobody)
	w.teach(w.b, w.a.IPv4, nobody)
}

func (w wire) join() {
	w.t.Helper()
	w.teach(w.a, w.b.IPv4, hardware(w.t, w.b))
	w.teach(w.b, w.a.IPv4, hardware(w.t, w.a))
}

// teach tells a host where its neighbour is.
func (w wire) teach(host netns.Host, neighbour netip.Addr, at net.HardwareAddr) {
	w.t.Helper()
	link, err := host.Netlink().LinkByName(host.Link)
	require.NoError(w.t, err)
	require.NoError(w.t, host.Netlink().NeighSet(&netlink.Neigh{
		LinkIndex: link.Attrs().Index, IP: neighbour.AsSlice(), HardwareAddr: at, State: netlink.NUD_PERMANENT,
	}))
}

func hardware(t *testing.T, host netns.Host) net.HardwareAddr {
	t.Helper()
	link, err := host.Netlink().LinkByName(host.Link)
	require.NoError(t, err)
	return link.Attrs().HardwareAddr
}
