// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package nft_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// TestDroppedIsWhatIsMissing shows that three witnesses agree: the filter, the
// namespace and the sockets. Retransmissions may be more than drops, since some
// are in vain.
func TestDroppedIsWhatIsMissing(t *testing.T) {
	for _, name := range strings.Fields(netns.New(t).Sysctl("net.ipv4.tcp_available_congestion_control")) {
		for _, v6 := range []bool{false, true} {
			client, server := netns.Pair(t, netns.CongestionControl(name))
			address := server.IPv4
			if v6 {
				address = server.IPv6
			}
			loss := nft.New(t, server.NS).Drop(nft.Input, 20, nft.Data())

			truth := traffic.Between(client.NS, server.NS, address).Run(t, 1, traffic.Stream(20_000_000))[0]
			sent, received := truth.Client.Info, truth.Server.Info
			t.Logf("%s: %d dropped, %d retransmitted", name, loss.Packets(), sent.Total_retrans)
			require.NotZero(t, loss.Packets())
			require.EqualValues(t, sent.Data_segs_out-received.Data_segs_in, loss.Packets())
			require.EqualValues(t, sent.Total_retrans, mib.Read(t, client.NS)["RetransSegs"])
			require.GreaterOrEqual(t, uint64(sent.Total_retrans), loss.Packets())
			require.EqualValues(t, 20_000_000, truth.Server.Read)
		}
	}
}

func TestEachMatch(t *testing.T) {
	client, server := netns.Pair(t)
	in, out := nft.New(t, server.NS), nft.New(t, client.NS)
	all := in.Count(nft.Input)
	syn := in.Count(nft.Input, nft.Flags(nft.SYN))
	fin := in.Count(nft.Input, nft.Flags(nft.FIN|nft.ACK))
	reset := in.Count(nft.Input, nft.Flags(nft.RST))
	data := in.Count(nft.Input, nft.Data())
	sent := out.Count(nft.Output, nft.Flags(nft.RST))

	path := traffic.Between(client.NS, server.NS, server.IPv4)
	truths := path.Run(t, 1, traffic.Exchange(3, 1, 1), traffic.AbortedBy(traffic.Client, 1))

	var segments, dataSegments uint32
	for _, truth := range truths {
		segments += truth.Server.Info.Segs_in
		dataSegments += truth.Server.Info.Data_segs_in
		port := truth.Client.Local.Port()
		require.Zero(t, in.Count(nft.Input, nft.SourcePort(port)).Packets(), "a new rule starts at 0")
	}
	require.EqualValues(t, segments, all.Packets())
	require.EqualValues(t, dataSegments, data.Packets())
	require.EqualValues(t, 2, syn.Packets())
	require.EqualValues(t, 1, fin.Packets())
	require.EqualValues(t, 1, reset.Packets())
	require.EqualValues(t, 1, sent.Packets())
}

// TestDropSome drops the second and the third of six requests, once each.
func TestDropSome(t *testing.T) {
	client, server := netns.Pair(t)
	filter := nft.New(t, server.NS)
	before := filter.Count(nft.Input, nft.Data())
	some := filter.DropSome(nft.Input, 1, 2, nft.Data())
	after := filter.Count(nft.Input, nft.Data())
	truth := traffic.Between(client.NS, server.NS, server.IPv4).Run(t, 1, traffic.Exchange(6, 1, 1))[0]
	require.EqualValues(t, 2, some.Packets())
	require.EqualValues(t, before.Packets()-2, after.Packets())
	require.EqualValues(t, truth.Server.Info.Data_segs_in, after.Packets())
	require.EqualValues(t, 2, truth.Client.Info.Total_retrans)
}

// TestReject is rejected once or twice: while connect holds the socket, the kernel
// only notes what ICMP says.
func TestReject(t *testing.T) {
	client, server := netns.Pair(t)
	server.SetSysctl("net.ipv4.icmp_ratelimit", "0")
	server.SetSysctl("net.ipv6.icmp.ratelimit", "0")
	filter := nft.New(t, server.NS)
	port := uint16(1000)
	for _, test := range []struct {
		why    nft.Unreachable
		v4, v6 error
	}{
		{nft.NoRoute, unix.ENETUNREACH, unix.ENETUNREACH},
		{nft.NoHost, unix.EHOSTUNREACH, unix.EHOSTUNREACH},
		{nft.NoPort, unix.ECONNREFUSED, unix.ECONNREFUSED},
		{nft.Prohibited, unix.EHOSTUNREACH, unix.EACCES},
	} {
		for to, want := range map[netip.Addr]error{server.IPv4: test.v4, server.IPv6: test.v6} {
			port++
			rule := filter.Reject(nft.Input, test.why, nft.DestinationPort(port))
			_, err := client.Dial(netip.AddrPortFrom(to, port).String())
			require.ErrorIs(t, err, want)
			require.Contains(t, []uint64{1, 2}, rule.Packets())
		}
	}
}

func TestPortsAndBytes(t *testing.T) {
	ns := netns.New(t)
	ns.DisableOffloads("lo")
	client, server := traffic.Loopback(ns, "127.0.0.1").Open(t)
	filter := nft.New(t, ns)
	to := filter.Count(nft.Input, nft.DestinationPort(client.End().Remote.Port()))
	from := filter.Count(nft.Input, nft.SourcePort(server.End().Local.Port()))

	client.Act(t, traffic.Step{Verb: traffic.Write, Bytes: 100}, traffic.Step{Verb: traffic.Flush})
	const headers = 20 + 20 + 12 // IPv4, TCP, timestamps
	require.EqualValues(t, 1, to.Packets())
	require.EqualValues(t, headers+100, to.Bytes())
	require.EqualValues(t, headers, from.Bytes())
}
