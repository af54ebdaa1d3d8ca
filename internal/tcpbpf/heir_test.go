// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// TestListenersChangeHands compares the owner of a connection with the rule that the
// README states, after the collector has looked at who holds the listener.
func TestListenersChangeHands(t *testing.T) {
	for name, test := range map[string]struct {
		act  func(k *collector, opener, other *puppet)
		want string
	}{
		"the opener holds it alone":  {func(*collector, *puppet, *puppet) {}, "opener"},
		"workers hold it too":        {func(k *collector, a, b *puppet) { handOver(k.t.(*testing.T), a, b, "listener") }, "opener"},
		"passed on, and closed here": {passListener, "other"},
		"the opener is dead": {func(k *collector, a, b *puppet) {
			handOver(k.t.(*testing.T), a, b, "listener")
			a.end()
		}, "other"},
	} {
		for _, listen := range []string{"listen", "listen multipath"} {
			t.Run(name+", "+listen, func(t *testing.T) {
				p := newPlace(t)
				k := observe(t, Config{Granularity: GranularityConnection})
				opener, other := newPuppet(t, p, "opener"), newPuppet(t, p, "other")
				address := opener.do(listen, p.IPv4.String()+":0", 0).Address
				test.act(k, opener, other)
				for range lookEvery {
					k.collect()
				}
				pids := map[string]uint32{"opener": opener.PID, "other": other.PID}
				require.Equal(t, pids[test.want], acceptedBy(t, k, p, address))
			})
		}
	}
}

func passListener(k *collector, from, to *puppet) {
	handOver(k.t.(*testing.T), from, to, "listener")
	from.do("drop listener", "", 0)
}

// acceptedBy connects, and returns whose the accepted connection is.
func acceptedBy(t *testing.T, k *collector, p place, address string) (pid uint32) {
	t.Helper()
	before := k.keys(role(flow.RoleServer, p.here()))
	client, err := p.Dial(address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	at := netip.MustParseAddrPort(client.LocalAddr().String())
	k.until(func() bool { return len(k.keys(role(flow.RoleServer, p.here()))) > len(before) })
	keys := k.keys(role(flow.RoleServer, func(key flow.Key) bool {
		return p.here()(key) && key.Remote == at.Addr() && key.RemotePort == at.Port()
	}))
	require.Len(t, keys, 1)
	return keys[0].Owner.PID()
}

// TestInitsListeners are those of whoever else holds them. This process stands for
// init, which nobody can be.
func TestInitsListeners(t *testing.T) {
	p := newPlace(t)
	opener, other := newPuppet(t, p, "opener"), newPuppet(t, p, "other")
	address := opener.do("listen", p.IPv4.String()+":0", 0).Address
	old := observe(t, Config{Granularity: GranularityConnection, init: opener.PID})
	young := newPuppet(t, p, "opener")
	recent := observe(t, Config{Granularity: GranularityConnection, init: young.PID})
	address2 := young.do("listen", p.IPv4.String()+":0", 0).Address
	require.Equal(t, opener.PID, acceptedBy(t, old, p, address), "nobody else's")
	require.Equal(t, young.PID, acceptedBy(t, recent, p, address2), "nobody else's")

	handOver(t, opener, other, "listener")
	third := newPuppet(t, p, "third")
	handOver(t, young, third, "listener")
	later := observe(t, Config{Granularity: GranularityConnection, init: opener.PID})
	require.Equal(t, other.PID, acceptedBy(t, later, p, address), "at start")
	for range lookEvery {
		old.collect()
		recent.collect()
	}
	require.Equal(t, other.PID, acceptedBy(t, old, p, address))
	require.Equal(t, third.PID, acceptedBy(t, recent, p, address2))
}

// TestEstablishedConnectionsStay with the owner that their listener had, and so does
// what it counted.
func TestEstablishedConnectionsStay(t *testing.T) {
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityConnection})
	opener, other := newPuppet(t, p, "opener"), newPuppet(t, p, "other")
	address := opener.do("listen", p.IPv4.String()+":0", 0).Address
	client := newPuppet(t, p, "client")
	client.do("connect", address, 1)
	opener.do("accept", "", 1)
	client.do("write", "", 10)
	opener.do("read", "", 10)
	k.collect()
	passListener(k, opener, other)
	for range lookEvery {
		k.collect()
	}
	client.do("write", "", 10)
	opener.do("read", "", 10)
	k.collect()
	servers := k.keys(role(flow.RoleServer, p.here()))
	require.Len(t, servers, 1)
	require.Equal(t, opener.PID, servers[0].Owner.PID())
	require.EqualValues(t, 20, k.sums[servers[0]].Bytes[flow.Receive])

	to := listening(netip.MustParseAddrPort(address))
	require.Len(t, k.keys(to), 2)
	for _, key := range k.keys(to) {
		_, now := k.gauges[key]
		require.Equal(t, key.Owner.PID() == other.PID, now, "of %d", key.Owner.PID())
	}
}
