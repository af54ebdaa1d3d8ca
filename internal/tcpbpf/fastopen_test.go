// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestFastOpenThatIsNeverWritten ends sockets whose SYN waits for a first write that does
// not come: no port was lacking.
func TestFastOpenThatIsNeverWritten(t *testing.T) {
	for name, end := range map[string]func(plug) error{
		"closed": plug.close,
		"reset": func(p plug) error {
			linger := &unix.Linger{Onoff: 1}
			return errors.Join(p.do(func(fd int) error {
				return unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, linger)
			}), p.close())
		},
		"disconnected": func(p plug) error { return errors.Join(p.disconnect(), p.close()) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.SetSysctl("net.ipv4.tcp_fastopen", "5") // without a cookie
			k := observe(t, Config{})
			listener := addressOf(p.Listen(netip.AddrPortFrom(p.IPv4, 0).String()))
			for range 3 {
				client := newPlug(t, p.NS)
				require.NoError(t, client.do(func(fd int) error {
					return unix.SetsockoptInt(fd, unix.SOL_TCP, unix.TCP_FASTOPEN_CONNECT, 1)
				}))
				require.NoError(t, client.connect(listener))
				require.NoError(t, end(client))
			}
			require.Equal(t, [flow.NumFailures]uint64{flow.FailureAborted: 3}, failedTo(k, listener, 3))
			require.Zero(t, mib.Read(t, p.NS)["ActiveOpens"], "no SYN was sent")
		})
	}
}

// TestFastOpen has clients whose first bytes travel in the SYN. What the server's
// kernel does not take from there is sent again, and so is a SYN-ACK that is lost, by a
// socket that answers already.
func TestFastOpen(t *testing.T) {
	const n = 30
	for name, test := range map[string]struct {
		client, server string // net.ipv4.tcp_fastopen
		parallel       int
		loss           uint32 // thousandths of SYNs with data
		late           uint32 // SYN-ACKs that are lost
		asked          uint64 // at least: connections with data in the SYN
		taken          func(asked, taken uint64)
	}{
		"without a cookie": {client: "5", server: "514", parallel: 10, asked: n,
			taken: func(asked, taken uint64) { require.Equal(t, asked, taken) }},
		"with the cookie of an earlier connection": {client: "1", server: "2", parallel: 1, asked: n - 1,
			taken: func(asked, taken uint64) { require.Equal(t, asked, taken) }},
		"with loss": {client: "5", server: "514", parallel: 10, loss: 500, asked: n,
			taken: func(asked, taken uint64) { require.NotZero(t, taken); require.Less(t, taken, asked) }},
		"with SYN-ACKs lost": {client: "5", server: "514", parallel: 10, late: 20, asked: n,
			taken: func(asked, taken uint64) { require.Equal(t, asked, taken) }},
		"the server refuses": {client: "5", server: "0", parallel: 10, asked: n,
			taken: func(_, taken uint64) { require.Zero(t, taken) }},
	} {
		for _, congestion := range cubicAndBBR(t) {
			t.Run(name+", "+congestion, func(t *testing.T) {
				client, server := newPair(t, netns.CongestionControl(congestion), netns.Sysctl("net.ipv4.tcp_fastopen_blackhole_timeout_sec", "0"))
				client.SetSysctl("net.ipv4.tcp_fastopen", test.client)
				server.SetSysctl("net.ipv4.tcp_fastopen", test.server)
				if test.loss > 0 {
					nft.New(t, server.NS).Drop(nft.Input, test.loss, nft.Flags(nft.SYN), nft.Data())
				}
				nft.New(t, client.NS).DropSome(nft.Input, 0, test.late, nft.Flags(nft.SYN))
				before := [2]mib.Counters{mib.Read(t, client.NS), mib.Read(t, server.NS)}
				k := observe(t, Config{Granularity: GranularityConnection})
				path := traffic.Between(client.NS, server.NS, server.IPv4)
				path.Socket.FastOpen = true
				truths := path.Run(t, test.parallel, spoken(n)...)
				k.untilClosed(2*n, at(client.IPv4))

				for _, truth := range truths {
					requireExact(t, k, truth, flow.RoleClient)
					requireExact(t, k, truth, flow.RoleServer)
				}
				asked := mib.Read(t, client.NS).Since(before[0])
				taken := mib.Read(t, server.NS).Since(before[1])
				t.Logf("%d SYNs with data taken, %d not", asked["TCPFastOpenActive"], asked["TCPFastOpenActiveFail"])
				require.GreaterOrEqual(t, asked["TCPFastOpenActive"]+asked["TCPFastOpenActiveFail"], test.asked)
				test.taken(test.asked, taken["TCPFastOpenPassive"])
				requireOpened(t, k.sum(role(flow.RoleClient, at(client.IPv4))), asked)
				requireOpened(t, k.sum(role(flow.RoleServer, at(client.IPv4))), taken)
			})
		}
	}
}

// requireOpened compares what spoken connections of one role did with their applications'
// count and the namespace's. No time before a connection was established is its own, and a
// jiffy is lost or won with each phase.
func requireOpened(t *testing.T, s sum, counted mib.Counters) {
	t.Helper()
	require.Equal(t, s.Opened/3*5, s.Exchanges)
	require.Zero(t, s.Kinds[flow.RetransmitUnknown])
	require.Equal(t, counted["TCPFastRetrans"], s.Kinds[flow.RetransmitFast])
	require.GreaterOrEqual(t, s.Kinds[flow.RetransmitSYN], counted["TCPSynRetrans"])
	require.Equal(t, counted["RetransSegs"], total(s.Kinds[:]))
	require.InDelta(t, s.Lifetime*1000, s.wall(), float64(s.Opened*5*4_000_000))
}

// spoken is n connections on which the client speaks first, and goes on only when
// it is answered: a shutdown while the SYN is still under way ends a connection.
func spoken(n int) (all []traffic.Scenario) {
	kinds := []traffic.Scenario{
		traffic.Exchange(3, 500, 5000).ClosedBy(traffic.Client),
		traffic.Exchange(1, 10_000, 1).ClosedBy(traffic.Server),
		traffic.Exchange(1, 700, 100_000).ClosedBy(traffic.Client),
	}
	for i := range n {
		all = append(all, kinds[i%len(kinds)])
	}
	return all
}
