// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/kernel"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestMPTCP has an application open one connection of Multipath TCP. Each of its
// subflows is a TCP connection of its own: together they carry what the application
// sent, and whatever Multipath TCP sends again on another one.
func TestMPTCP(t *testing.T) {
	kernel.Require(t, kernel.MPTCP)
	for name, test := range map[string]struct {
		enabled  string // at the server
		sources  int    // the client's
		subflows int
	}{
		"one path":                   {"1", 1, 1},
		"two paths":                  {"1", 2, 2},
		"a peer that does plain TCP": {"0", 2, 1},
	} {
		for _, congestion := range cubicAndBBR(t) {
			t.Run(name+", "+congestion, func(t *testing.T) {
				client, server := newPair(t, netns.CongestionControl(congestion))
				server.SetSysctl("net.mptcp.enabled", test.enabled)
				sources := []netip.Addr{client.IPv4}
				for range test.sources - 1 {
					sources = append(sources, addPath(t, client))
				}
				here := at(sources...)
				k := observe(t, Config{Granularity: GranularityConnection})
				path := traffic.Between(client.NS, server.NS, server.IPv4)
				path.Socket.MPTCP = true
				d := converse(t, k, path, here)
				// Further subflows need a listener as the first one did.
				server.ListenWith(path.Socket, d.server.End().Local)
				talk(d, 1, 1)
				k.until(func() bool { return k.sum(here).Opened == 2*uint64(test.subflows) })
				talk(d, 20, 50_000)
				d.clients(finish)
				d.servers(hear, finish)
				k.untilClosed(2*test.subflows, here)

				require.EqualValues(t, 2*test.subflows, k.sum(here).Opened)
				there, back := mib.Read(t, client.NS), mib.Read(t, server.NS)
				require.Equal(t, test.enabled == "1", there["MPTcpExtMPCapableSYNACKRX"] == 1, "what the ends agreed upon")
				requireCarried(t, k, d, there, back)
				requireOwners(t, k, sources)
			})
		}
	}
}

// talk exchanges so many bytes, several times.
func talk(d *dialogue, rounds int, bytes int64) {
	d.t.Helper()
	for range rounds {
		d.clients(write(bytes))
		d.servers(read(bytes), write(bytes))
		d.clients(read(bytes))
	}
}

// addPath gives a host another address, and tells Multipath TCP to use it.
func addPath(t *testing.T, host netns.Host) netip.Addr {
	t.Helper()
	// Of linux/mptcp_pm.h: a command, attributes, and a flag.
	const addAddress, address, family, address4, flags, subflow = 1, 1, 1, 3, 6, 1 << 1
	source := host.IPv4.Next().Next()
	host.AddAddress(host.Link, netip.PrefixFrom(source, 24))
	host.Do(func() {
		manager, err := netlink.GenlFamilyGet("mptcp_pm")
		require.NoError(t, err)
		request := nl.NewNetlinkRequest(int(manager.ID), unix.NLM_F_ACK)
		request.AddData(&nl.Genlmsg{Command: addAddress, Version: 1})
		endpoint := nl.NewRtAttr(address|unix.NLA_F_NESTED, nil)
		endpoint.AddRtAttr(family, nl.Uint16Attr(unix.AF_INET))
		endpoint.AddRtAttr(address4, source.AsSlice())
		endpoint.AddRtAttr(flags, nl.Uint32Attr(subflow))
		request.AddData(endpoint)
		_, err = request.Execute(unix.NETLINK_GENERIC, 0)
		require.NoError(t, err)
	})
	return source
}

// requireCarried compares subflows with each other and with the application.
func requireCarried(t *testing.T, k *collector, d *dialogue, counters ...mib.Counters) {
	t.Helper()
	client, server := k.sum(role(flow.RoleClient, d.match)), k.sum(role(flow.RoleServer, d.match))
	require.Equal(t, client.Bytes, [2]uint64{server.Bytes[1], server.Bytes[0]})
	for i, end := range []traffic.End{d.client.End(), d.server.End()} {
		sent := client.Bytes[i]
		if counters[i]["MPTcpExtMPTCPRetrans"] == 0 {
			require.Equal(t, end.Written, sent)
		}
		require.GreaterOrEqual(t, sent, end.Written)
	}
}

// requireOwners says whose the subflows are: the application's, except the client's
// additional ones, which a kernel thread opens.
func requireOwners(t *testing.T, k *collector, sources []netip.Addr) {
	t.Helper()
	for _, key := range k.keys(at(sources...)) {
		if key.Local.Is4() && len(sources) > 1 && key.Local == sources[1] {
			require.Regexp(t, "^kworker/", k.Owner(key.Owner).Executable)
			continue
		}
		require.EqualValues(t, os.Getpid(), key.Owner.PID())
	}
}
