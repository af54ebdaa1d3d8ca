// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
)

// TestConnectAfterFailure connects a socket in vain, twice, and then to a
// listener. Only the connection that came about is one, with its own totals.
func TestConnectAfterFailure(t *testing.T) {
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityConnection})
	nobody, somebody := p.Listen(p.IPv4.String()+":0"), p.Listen(p.IPv4.String()+":0")
	require.NoError(t, nobody.Close())

	client := newPlug(t, p.NS)
	for range 2 {
		require.ErrorIs(t, client.connect(addressOf(nobody)), unix.ECONNREFUSED)
	}
	require.NoError(t, client.connect(addressOf(somebody)))
	require.NoError(t, client.write(10))
	require.NoError(t, client.shutdown())
	serve(t, somebody, 10)
	info := tcpinfo.WaitClosed(t, client.file)

	k.untilClosed(2, p.here())
	failed := k.sum(to(addressOf(nobody)))
	require.Zero(t, failed.Opened)
	require.EqualValues(t, 2, failed.Failed[flow.FailureRefused])
	require.EqualValues(t, 2, total(failed.Failed[:]))
	keys := k.keys(to(addressOf(somebody)))
	require.Len(t, keys, 1)
	s := k.sums[keys[0]]
	require.EqualValues(t, 1, s.Opened)
	require.Equal(t, reason(flow.CloseFIN), s.Closed)
	require.Equal(t, [2]uint64{10, 0}, s.Bytes)
	requireSegments(t, info, s, "second life")
}

// TestReconnect ends a connection by AF_UNSPEC, which resets it, and begins
// another one on the same socket: two connections, each with its own totals.
func TestReconnect(t *testing.T) {
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityConnection})
	first, second := p.Listen(p.IPv4.String()+":0"), p.Listen(p.IPv4.String()+":0")
	client := newPlug(t, p.NS)
	require.NoError(t, client.connect(addressOf(first)))
	require.NoError(t, client.write(1000))
	before := client.quiet()
	require.NoError(t, client.disconnect())
	serve(t, first, 1000)

	require.NoError(t, client.connect(addressOf(second)))
	require.NoError(t, client.write(10))
	require.NoError(t, client.shutdown())
	serve(t, second, 10)
	after := tcpinfo.WaitClosed(t, client.file)

	k.untilClosed(4, p.here())
	for _, life := range []struct {
		listener *net.TCPListener
		bytes    uint64
		closed   flow.CloseReason
		info     tcpinfo.Info
	}{{first, 1000, flow.CloseResetSent, before}, {second, 10, flow.CloseFIN, after}} {
		s := k.sum(to(addressOf(life.listener)))
		require.EqualValues(t, 1, s.Opened)
		require.Equal(t, reason(life.closed), s.Closed)
		require.Equal(t, [2]uint64{life.bytes, 0}, s.Bytes)
		requireSegments(t, life.info, &s, "a life")
	}
}

// TestReconnectWhileSweeping gives one socket a thousand lives, each of which
// begins and ends while sweeps look at it.
func TestReconnectWhileSweeping(t *testing.T) {
	const n = 1000
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityEndpoint})
	listener := p.Listen(p.IPv4.String() + ":0")
	client := newPlug(t, p.NS)
	stop := newLedger(k, p.here()).sweepOn(1000)
	for range n {
		require.NoError(t, client.connect(addressOf(listener)))
		require.NoError(t, client.write(3))
		require.NoError(t, client.disconnect())
		serve(t, listener, 3)
	}
	stop()
	k.untilClosed(2*n, p.here())
	for r, want := range map[flow.Role]struct {
		bytes  [2]uint64
		closed flow.CloseReason
	}{
		flow.RoleClient: {[2]uint64{3 * n, 0}, flow.CloseResetSent},
		flow.RoleServer: {[2]uint64{0, 3 * n}, flow.CloseResetReceived},
	} {
		s := k.sum(role(r, p.here()))
		require.EqualValues(t, n, s.Opened)
		require.EqualValues(t, n, s.Closed[want.closed])
		require.EqualValues(t, n, s.closed())
		require.Equal(t, want.bytes, s.Bytes)
	}
}

// TestPhasesOfAnotherLife disconnects a socket that has waited long for acknowledgements, and
// another that has waited for a window, and connects it anew: what it waited for is no time
// of the second connection, though the kernel goes on counting.
func TestPhasesOfAnotherLife(t *testing.T) {
	const long = time.Second
	for name, wait := range map[string]func(*testing.T, place, plug){
		"network": func(t *testing.T, p place, client plug) {
			f := nft.New(t, p.NS)
			f.Drop(nft.Input, 1000, nft.Data())
			require.NoError(t, client.write(1000))
			awaitLimited(t, client, func(i tcpinfo.Info) uint64 { return i.Busy_time }, long)
			f.Clear()
		},
		"receive window": func(t *testing.T, _ place, client plug) {
			require.NoError(t, client.do(func(fd int) error { return unix.SetNonblock(fd, true) }))
			for client.write(1<<20) == nil { // until the window is closed, and the buffer full
			}
			awaitLimited(t, client, func(i tcpinfo.Info) uint64 { return i.Rwnd_limited }, long)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			k := observe(t, Config{Granularity: GranularityConnection})
			first, second := p.Listen(p.IPv4.String()+":0"), p.Listen(p.IPv4.String()+":0")
			client := newPlug(t, p.NS)
			require.NoError(t, client.connect(addressOf(first)))
			wait(t, p, client)
			k.collect()
			require.NoError(t, client.disconnect())

			begin := time.Now()
			require.NoError(t, client.connectLater(addressOf(second)))
			require.NoError(t, client.write(10))
			require.NoError(t, client.shutdown())
			serve(t, second, 10)
			k.until(func() bool { s := k.sum(to(addressOf(second))); return s.closed() >= 1 })
			s := k.sum(to(addressOf(second)))
			elapsed := uint64(time.Since(begin))
			rounding, err := jiffy() // which is lost or won with each phase
			require.NoError(t, err)
			require.LessOrEqual(t, s.wall(), elapsed+2*uint64(rounding))
			require.Less(t, s.wall(), uint64(long/2))
		})
	}
}

// awaitLimited waits until a socket has been limited for so long, by its own account.
func awaitLimited(t *testing.T, p plug, limited func(tcpinfo.Info) uint64, long time.Duration) {
	t.Helper()
	require.Eventually(t, func() bool {
		info, err := tcpinfo.Get(p.file)
		return err == nil && limited(info) >= uint64(long.Microseconds())
	}, patience, time.Millisecond)
}

// TestSimultaneousOpen has two sockets connect to each other: nobody listens, and
// both are clients.
func TestSimultaneousOpen(t *testing.T) {
	t.Parallel()
	left, right := newPair(t)
	link := wire{t, left, right}
	k := observe(t, Config{Granularity: GranularityConnection})
	at := [2]netip.AddrPort{netip.AddrPortFrom(left.IPv4, 4000), netip.AddrPortFrom(right.IPv4, 5000)}
	plugs := [2]plug{newPlug(t, left.NS), newPlug(t, right.NS)}

	link.cut()
	var connects errgroup.Group
	for i, plug := range plugs {
		require.NoError(t, plug.bind(at[i]))
		connects.Go(func() error { return plug.connect(at[1-i]) })
		plug.in(unix.BPF_TCP_SYN_SENT)
	}
	link.join()
	require.NoError(t, connects.Wait())

	require.NoError(t, plugs[0].write(7))
	for _, plug := range plugs {
		require.NoError(t, plug.shutdown())
	}
	k.until(func() bool { s := k.sum(to(at[0])); return s.closed() == 1 })
	k.until(func() bool { s := k.sum(to(at[1])); return s.closed() == 1 })
	for i, bytes := range [2][2]uint64{{7, 0}, {0, 7}} {
		keys := k.keys(to(at[1-i]))
		require.Len(t, keys, 1)
		require.Equal(t, flow.RoleClient, keys[0].Role)
		require.Equal(t, at[i], netip.AddrPortFrom(keys[0].Local, keys[0].LocalPort))
		s := k.sums[keys[0]]
		require.EqualValues(t, 1, s.Opened)
		require.Equal(t, reason(flow.CloseFIN), s.Closed)
		require.Equal(t, bytes, s.Bytes)
		requireSegments(t, tcpinfo.WaitClosed(t, plugs[i].file), s, "simultaneous")
	}
}

func addressOf(listener *net.TCPListener) netip.AddrPort {
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

// to matches the client's flows to an address and port.
func to(a netip.AddrPort) func(flow.Key) bool {
	return role(flow.RoleClient, func(k flow.Key) bool { return k.Remote == a.Addr() && k.RemotePort == a.Port() })
}

// serve accepts a connection, reads n bytes and closes.
func serve(t *testing.T, listener *net.TCPListener, n int64) {
	t.Helper()
	server, err := listener.AcceptTCP()
	require.NoError(t, err)
	require.NoError(t, server.SetDeadline(time.Now().Add(patience)))
	_, err = io.CopyN(io.Discard, server, n)
	require.NoError(t, err)
	require.NoError(t, server.Close())
}
