// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// An obstacle keeps clients from an address.
type obstacle struct {
	raise func(t *testing.T, client, server netns.Host) netip.Addr
	err   unix.Errno
	want  flow.Failure
	reset bool // by a segment
}

// TestFailedConnects waits for what connect says in the end.
func TestFailedConnects(t *testing.T) {
	for name, test := range obstacles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.require(t, plug.connect)
		})
	}
}

// TestFailedConnectsOfBothFamilies asks for a port at which nobody listens.
func TestFailedConnectsOfBothFamilies(t *testing.T) {
	p := newPlace(t)
	for name, path := range places(p) {
		t.Run(name, func(t *testing.T) {
			k := observe(t, Config{})
			nowhere := netip.AddrPortFrom(path.Address, 4000)
			_, err := p.DialWith(path.Socket, netip.AddrPort{}, nowhere)
			require.ErrorIs(t, err, unix.ECONNREFUSED)
			k.collect()
			s := k.sum(to(nowhere))
			requireFailed(t, &s, flow.FailureRefused)
		})
	}
}

// TestFailedConnectsLater does not wait in connect. What ICMP says is left out: while
// connect is under way it is but a note, gone once it was read. See [TestGivenUp].
func TestFailedConnectsLater(t *testing.T) {
	all := obstacles()
	for _, name := range []string{"nobody listens", "a filter", "nobody there"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all[name].require(t, plug.connectLater)
		})
	}
}

func obstacles() map[string]obstacle {
	at := func(_ *testing.T, _, server netns.Host) netip.Addr { return server.IPv4 }
	beside := func(_ *testing.T, client, _ netns.Host) netip.Addr { return client.IPv4.Next().Next() }
	return map[string]obstacle{
		"nobody listens":       {at, unix.ECONNREFUSED, flow.FailureRefused, true},
		"a filter":             {filter, unix.ETIMEDOUT, flow.FailureTimedOut, false},
		"nobody there":         {beside, unix.EHOSTUNREACH, flow.FailureHostUnreachable, false},
		"ICMP: no host":        {reject(nft.NoHost), unix.EHOSTUNREACH, flow.FailureHostUnreachable, false},
		"ICMP: no route":       {reject(nft.NoRoute), unix.ENETUNREACH, flow.FailureNetworkUnreachable, false},
		"ICMP: nobody listens": {reject(nft.NoPort), unix.ECONNREFUSED, flow.FailureRefused, false},
	}
}

// filter drops everything.
func filter(t *testing.T, client, server netns.Host) netip.Addr {
	t.Helper()
	client.SetSysctl("net.ipv4.tcp_syn_retries", "1")
	nft.New(t, server.NS).Drop(nft.Input, 1000)
	return server.IPv4
}

// reject answers everything with an ICMP message.
func reject(why nft.Unreachable) func(*testing.T, netns.Host, netns.Host) netip.Addr {
	return func(t *testing.T, _, server netns.Host) netip.Addr {
		t.Helper()
		server.SetSysctl("net.ipv4.icmp_ratelimit", "0")
		nft.New(t, server.NS).Reject(nft.Input, why)
		return server.IPv4
	}
}

// require compares a client's only attempt with what its namespace and the filter count.
func (o obstacle) require(t *testing.T, connect func(plug, netip.AddrPort) error) {
	t.Helper()
	client, server := newPair(t)
	to := netip.AddrPortFrom(o.raise(t, client, server), 4000)
	filter := nft.New(t, client.NS)
	out, resets := filter.Count(nft.Output), filter.Count(nft.Input, nft.Flags(nft.RST))
	k := observe(t, Config{})
	require.ErrorIs(t, connect(newPlug(t, client.NS), to), o.err)
	k.collect()

	s, counted := k.sum(role(flow.RoleClient, at(client.IPv4))), mib.Read(t, client.NS)
	requireFailed(t, &s, o.want)
	require.EqualValues(t, 1, counted["AttemptFails"])
	require.Equal(t, counted["TCPSynRetrans"], s.Kinds[flow.RetransmitSYN])
	require.Equal(t, counted["RetransSegs"], s.Retransmits)
	require.Equal(t, [2]uint64{0, resets.Packets()}, s.Resets)
	require.Equal(t, o.reset, resets.Packets() == 1)
	require.Equal(t, [2]uint64{out.Packets(), resets.Packets()}, s.Segments)
}

// requireFailed wants one attempt to have failed, and nothing else to have happened.
func requireFailed(t *testing.T, s *sum, why flow.Failure) {
	t.Helper()
	var want [flow.NumFailures]uint64
	want[why] = 1
	require.Equal(t, want, s.Failed)
	require.Zero(t, s.Opened)
	require.Zero(t, s.closed())
	require.Zero(t, s.Live)
}

// TestGivenUp closes sockets before there is an answer. It is no fault of the network,
// unless that has sent an ICMP message.
func TestGivenUp(t *testing.T) {
	for name, test := range map[string]struct {
		raise func(*testing.T, netns.Host, netns.Host) netip.Addr
		end   func(plug) error
		want  flow.Failure
	}{
		"closed":         {filter, plug.close, flow.FailureAborted},
		"disconnected":   {filter, plug.disconnect, flow.FailureAborted},
		"no host":        {reject(nft.NoHost), plug.close, flow.FailureHostUnreachable},
		"nobody listens": {reject(nft.NoPort), plug.close, flow.FailureRefused},
		// The kernel forgets what it has noted when it is asked. Nothing else tells of it:
		// no callback runs when the message comes, nor when the application asks, and
		// once it has, its socket is that of one who waits no longer.
		"asked, then closed": {reject(nft.NoHost), askAndClose, flow.FailureAborted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, server := newPair(t)
			to := netip.AddrPortFrom(test.raise(t, client, server), 4000)
			k := observe(t, Config{})
			p := newPlug(t, client.NS)
			require.NoError(t, p.beginConnect(to))
			if name != "closed" && name != "disconnected" {
				awaitCount(t, client.NS, "IcmpInDestUnreachs")
				// A second message, to a repeated SYN, would be noted after the application asked.
				nft.New(t, client.NS).Drop(nft.Input, 1000)
			}
			require.NoError(t, test.end(p))
			k.collect()
			s := k.sum(role(flow.RoleClient, at(client.IPv4)))
			requireFailed(t, &s, test.want)
		})
	}
}

// askAndClose asks a socket for its error, which is that nobody is there.
func askAndClose(p plug) error {
	require.NoError(p.t, p.do(func(fd int) error {
		code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		require.EqualValues(p.t, unix.EHOSTUNREACH, code)
		return err
	}))
	return p.close()
}

// awaitCount waits until the namespace has counted something.
func awaitCount(t *testing.T, ns *netns.NS, name string) {
	t.Helper()
	require.Eventually(t, func() bool { return mib.Read(t, ns)[name] > 0 }, patience, time.Millisecond)
}

// TestHappyEyeballs tries two addresses at once and takes the one that answers.
func TestHappyEyeballs(t *testing.T) {
	client, server := newPair(t)
	nft.New(t, server.NS).Drop(nft.Input, 1000, nft.DestinationPort(4000))
	listener := server.Listen(netip.AddrPortFrom(server.IPv4, 0).String())
	k := observe(t, Config{})
	loser, winner := newPlug(t, client.NS), newPlug(t, client.NS)
	slow := netip.AddrPortFrom(server.IPv4, 4000)
	require.NoError(t, loser.beginConnect(slow))
	require.NoError(t, winner.connectLater(addressOf(listener)))
	require.NoError(t, loser.close())
	k.collect()

	lost, won := k.sum(to(slow)), k.sum(to(addressOf(listener)))
	requireFailed(t, &lost, flow.FailureAborted)
	require.Zero(t, won.Failed)
	require.EqualValues(t, 1, won.Opened)
	require.Equal(t, live1(unix.BPF_TCP_ESTABLISHED), won.Live)
}

// TestResetInHandshake has two clients connect to each other. One gets the other's SYN
// and then its RST, for that one has given up.
func TestResetInHandshake(t *testing.T) {
	left, right := newPair(t)
	link := wire{t, left, right}
	k := observe(t, Config{})
	at := [2]netip.AddrPort{netip.AddrPortFrom(left.IPv4, 4000), netip.AddrPortFrom(right.IPv4, 5000)}
	gone, reset := newPlug(t, left.NS), newPlug(t, right.NS)
	require.NoError(t, gone.bind(at[0]))
	require.NoError(t, reset.bind(at[1]))

	link.cut()
	require.NoError(t, reset.beginConnect(at[0]))
	link.teach(left, right.IPv4, hardware(t, right)) // one way only
	require.NoError(t, gone.beginConnect(at[1]))
	reset.in(unix.BPF_TCP_SYN_RECV)
	require.NoError(t, gone.close())
	link.join()
	require.ErrorIs(t, reset.outcome(), unix.ECONNRESET)
	k.collect()

	s := k.sum(to(at[0]))
	requireFailed(t, &s, flow.FailureReset)
	require.Equal(t, [2]uint64{0, 1}, s.Resets)
	s = k.sum(to(at[1]))
	requireFailed(t, &s, flow.FailureAborted)
}

// TestSuccessIsNoFailure ends connections in every way there is, some of them at once.
func TestSuccessIsNoFailure(t *testing.T) {
	p := newPlace(t)
	p.SetSysctl("net.ipv4.tcp_fin_timeout", "1") // or one whose FIN was acknowledged while it closed stays for a minute
	k := observe(t, Config{Granularity: GranularityEndpoint})
	scenarios := append(hasty(20), mixed()...)
	traffic.Loopback(p.NS, p.IPv4.String()).Run(t, 8, scenarios...)
	listener := p.Listen(netip.AddrPortFrom(p.IPv4, 0).String())
	for range 100 {
		client := newPlug(t, p.NS)
		require.NoError(t, client.connectLater(addressOf(listener)))
		require.NoError(t, client.close())
	}
	n := len(scenarios) + 100
	k.untilClosed(n, role(flow.RoleClient, p.here()))
	s := k.sum(p.here())
	require.Zero(t, s.Failed)
	require.EqualValues(t, 2*n, s.Opened)
}
