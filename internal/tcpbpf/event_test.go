// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// anEvent is an allowance that no test uses up.
var anEvent = [flow.NumEventKinds]int{flow.EventFailed: 1000, flow.EventReset: 1000}

// peers observes connections whose peer is one of the addresses, and no other of the
// machine: those would take part in the allowance.
func peers(addresses ...netip.Addr) []Rule {
	var cidrs []netip.Prefix
	for _, a := range addresses {
		cidrs = append(cidrs, netip.PrefixFrom(a, a.BitLen()))
	}
	return []Rule{{CIDRs: cidrs}}
}

func follow(t testing.TB, k *collector) *Events {
	t.Helper()
	events, err := k.Events()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, events.Close()) })
	return events
}

// next waits for one event.
func next(t testing.TB, events *Events) flow.Event {
	t.Helper()
	e, err := events.Read(time.Now().Add(patience))
	require.NoError(t, err)
	return e
}

// rest returns what has not been read, once nothing more comes.
func rest(t testing.TB, events *Events) (all []flow.Event) {
	t.Helper()
	require.NoError(t, events.Flush())
	for {
		e, err := events.Read(time.Time{})
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, e)
	}
}

// monotonic is CLOCK_MONOTONIC in ns.
func monotonic() uint64 { return instant().Boot }

// requireRecent checks the clocks of an event that a test has waited for: nothing
// happened before it began.
func requireRecent(t *testing.T, e flow.Event, begin uint64) {
	t.Helper()
	require.Greater(t, e.Time, begin)
	require.Less(t, e.Time, monotonic())
	require.Positive(t, e.Age)
	require.Less(t, uint64(e.Age), e.Time-begin+uint64(time.Microsecond))
}

// requireOwn checks the owner of what a test does by itself.
func requireOwn(t *testing.T, e flow.Event) {
	t.Helper()
	executable, err := os.Executable()
	require.NoError(t, err)
	require.EqualValues(t, os.Getpid(), e.Owner.ID.PID())
	require.Equal(t, e.Owner.ID, e.Key.Owner)
	require.Equal(t, filepath.Base(executable), e.Owner.Executable)
}

// TestFailuresAreEvents connects in vain, each time in another way.
func TestFailuresAreEvents(t *testing.T) {
	client, server := newPair(t)
	nowhere := netip.MustParseAddr("203.0.113.11")
	closed := netip.AddrPortFrom(server.IPv4, 9)
	k := observe(t, Config{EventLimits: anEvent, Include: peers(server.IPv4, nowhere)})
	events := follow(t, k)
	for name, test := range map[string]struct {
		to      netip.AddrPort
		connect func(t *testing.T, p plug)
		failure flow.Failure
		unbound bool // no port was found
	}{
		"refused": {closed, func(t *testing.T, p plug) {
			require.ErrorIs(t, p.connect(closed), unix.ECONNREFUSED)
		}, flow.FailureRefused, false},
		"timed out": {closed, func(t *testing.T, p plug) {
			w := wire{t, client, server}
			w.cut()
			defer w.join()
			require.NoError(t, p.do(func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_TCP, unix.TCP_SYNCNT, 1) }))
			require.ErrorIs(t, p.connect(closed), unix.ETIMEDOUT)
		}, flow.FailureTimedOut, false},
		"aborted": {closed, func(t *testing.T, p plug) {
			w := wire{t, client, server}
			w.cut()
			defer w.join()
			require.NoError(t, p.do(func(fd int) error { return unix.SetNonblock(fd, true) }))
			require.ErrorIs(t, p.connect(closed), unix.EINPROGRESS)
			require.NoError(t, p.file.Close())
		}, flow.FailureAborted, false},
		"no route": {netip.AddrPortFrom(nowhere, 10), func(t *testing.T, p plug) {
			require.ErrorIs(t, p.connect(netip.AddrPortFrom(nowhere, 10)), unix.ENETUNREACH)
			require.NoError(t, p.file.Close())
		}, flow.FailureNetworkUnreachable, true},
	} {
		t.Run(name, func(t *testing.T) {
			begin, before := monotonic(), mib.Read(t, client.NS)
			test.connect(t, newPlug(t, client.NS))
			e := next(t, events)
			requireRecent(t, e, begin)
			requireOwn(t, e)
			require.Equal(t, flow.EventFailed, e.Kind)
			require.Equal(t, test.failure, e.Failure)
			require.Equal(t, mib.Read(t, client.NS).Since(before)["TCPSynRetrans"], uint64(e.Retransmits))
			require.Equal(t, name == "timed out", e.Retransmits > 0)
			require.Zero(t, e.Bytes)
			require.Equal(t, test.to, netip.AddrPortFrom(e.Key.Remote, e.Key.RemotePort))
			require.Equal(t, flow.RoleClient, e.Key.Role)
			require.Equal(t, test.unbound, e.Key.LocalPort == 0, "port %d", e.Key.LocalPort)
			if !test.unbound {
				require.Equal(t, client.IPv4, e.Key.Local)
			}
		})
	}
	require.Empty(t, rest(t, events))
}

// TestEachResetIsOneEvent ends connections in all ways, in each granularity: each end
// that is reset is one event with both ports, and no other is any.
func TestEachResetIsOneEvent(t *testing.T) {
	for _, g := range []Granularity{GranularityConnection, GranularityEndpoint, GranularityPeer} {
		p := newPlace(t)
		k := observe(t, Config{EventLimits: anEvent, Include: peers(p.IPv4), Granularity: g})
		events := follow(t, k)
		begin := monotonic()
		scenarios := []traffic.Scenario{traffic.Exchange(1, 100, 200), traffic.HalfClosed(traffic.Server, 3, 4)}
		for _, side := range []traffic.Side{traffic.Client, traffic.Server} {
			scenarios = append(scenarios, traffic.AbortedBy(side, 1000).Times(20)...)
			scenarios = append(scenarios, traffic.UnreadBy(side, 3000).Times(20)...)
		}
		path := traffic.Loopback(p.NS, p.IPv4.String())
		path.Sources = []netip.Addr{p.IPv4}
		truths := path.Run(t, 4, scenarios...)
		k.untilClosed(2*len(scenarios), p.here())

		var want, have []flow.Event
		for _, truth := range truths {
			want = append(append(want, resetOf(truth.Client, flow.RoleClient)...), resetOf(truth.Server, flow.RoleServer)...)
		}
		require.Len(t, want, 160)
		for _, e := range rest(t, events) {
			requireRecent(t, e, begin)
			if g != GranularityPeer {
				requireOwn(t, e)
			}
			e.Time, e.Age, e.Owner, e.Key.Owner = 0, 0, flow.Owner{}, flow.OwnerID{}
			have = append(have, e)
		}
		require.ElementsMatch(t, want, have)
		drops, err := events.Drops()
		require.NoError(t, err)
		require.Zero(t, drops)
	}
}

// resetOf is the event of one end, if it was reset.
func resetOf(end traffic.End, r flow.Role) []flow.Event {
	e := flow.Event{
		Kind: flow.EventReset, Close: flow.CloseResetSent,
		Bytes: [2]uint64{end.Written, end.Read + end.Unread},
		Key: flow.Key{
			Local: end.Local.Addr(), LocalPort: end.Local.Port(), Remote: end.Remote.Addr(), RemotePort: end.Remote.Port(), Role: r,
		},
	}
	switch end.Ending {
	case traffic.Aborted, traffic.Unread:
	case traffic.Reset:
		e.Close = flow.CloseResetReceived
	default:
		return nil
	}
	return []flow.Event{e}
}

// TestVisitorsOfEventsAreMasked aborts a connection from a public address to itself:
// the server's event does not tell it.
func TestVisitorsOfEventsAreMasked(t *testing.T) {
	public := netip.MustParseAddr("198.51.100.78")
	p := newPlace(t)
	p.move(t, public)
	path := traffic.Loopback(p.NS, public.String())
	k := observe(t, Config{MaskPublic: true, EventLimits: anEvent, Include: peers(public)})
	events := follow(t, k)
	truth := path.Run(t, 1, traffic.AbortedBy(traffic.Client, 10))[0]
	k.untilClosed(2, func(key flow.Key) bool { return mine(key) && at(public)(key) })
	remotes := make(map[flow.Role]netip.AddrPort)
	for _, e := range rest(t, events) {
		remotes[e.Key.Role] = netip.AddrPortFrom(e.Key.Remote, e.Key.RemotePort)
	}
	require.Equal(t, map[flow.Role]netip.AddrPort{
		flow.RoleClient: truth.Client.Remote,
		flow.RoleServer: netip.AddrPortFrom(netip.MustParseAddr("198.51.100.0"), truth.Server.Remote.Port()),
	}, remotes)
}
