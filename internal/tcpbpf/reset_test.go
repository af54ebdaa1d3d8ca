// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/kernel"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// A reset is how the client's kernel comes to send a RST for a connection, or for none any
// more, and what it calls that.
type reset struct {
	act        func(*dialogue, wire)
	why, stray string
}

// TestResetReasons compares with the packet filter and the namespace's own count.
func TestResetReasons(t *testing.T) {
	for name, test := range map[string]reset{
		"SO_LINGER of 0": {act: func(d *dialogue, _ wire) { d.clients(abort) }, why: "tcp_state"},
		"unread data": {act: func(d *dialogue, _ wire) {
			d.servers(write(10))
			d.clients(arrive(10), finish)
		}, why: "tcp_abort_on_close"},
		"data for who has just closed": {act: func(d *dialogue, link wire) {
			closeUnheard(d, link)
			d.servers(write(10))
			d.gone(flow.RoleClient)
			link.join() // the server says it again
			d.gone(flow.RoleServer)
		}, why: "tcp_abort_on_data", stray: "no_socket"},
		"data for who has heard and closed": {act: func(d *dialogue, link wire) {
			hearAndClose(d, link)
			d.servers(write(10))
			d.gone(flow.RoleClient)
			link.join() // the server says it again
			d.gone(flow.RoleServer)
		}, why: "tcp_abort_on_data", stray: "no_socket"},
		"data for who has closed long ago": {act: func(d *dialogue, _ wire) {
			d.clients(finish)
			d.gone(flow.RoleClient)
			d.servers(hear, write(10), await)
		}, stray: "tcp_timewait_socket"},
	} {
		t.Run(name, func(t *testing.T) { test.require(t) })
	}
}

// closeUnheard has the client send a FIN that does not arrive, and read no more.
func closeUnheard(d *dialogue, link wire) {
	d.t.Helper()
	link.teach(link.a, link.b.IPv4, nobody)
	d.clients(finish)
}

// hearAndClose has the client send a FIN that does not arrive, read what the server says
// all the same, and close.
func hearAndClose(d *dialogue, link wire) {
	d.t.Helper()
	link.teach(link.a, link.b.IPv4, nobody)
	d.clients(shut)
	d.in(unix.BPF_TCP_FIN_WAIT1)
	d.servers(write(10))
	d.clients(read(10), finish)
}

func (r reset) require(t *testing.T) {
	t.Helper()
	client, server := newPair(t)
	out := nft.New(t, client.NS).Count(nft.Output, nft.Flags(nft.RST))
	k := observe(t, Config{Granularity: GranularityConnection})
	elsewhere := mib.Here(t)
	d := converse(t, k, traffic.Between(client.NS, server.NS, server.IPv4), at(client.IPv4))
	r.act(d, wire{t, client, server})
	k.untilClosed(2, d.match)

	s := k.sum(role(flow.RoleClient, d.match))
	want := r.reasons()
	require.Equal(t, [2]uint64{total(slices.Collect(maps.Values(want))), 0}, s.Resets)
	require.Equal(t, s.Resets[flow.Transmit], s.Closed[flow.CloseResetSent])
	require.Equal(t, mib.Read(t, client.NS)["OutRsts"], out.Packets())
	strays := out.Packets() - s.Resets[flow.Transmit]
	require.Equal(t, r.stray != "", strays > 0)
	t.Run("why", func(t *testing.T) {
		kernel.Require(t, kernel.ResetReason)
		require.Equal(t, want, k.reasonsOf(role(flow.RoleClient, d.match)))
		k.requireStrays(r.stray, strays, elsewhere)
	})
}

func (r reset) reasons() map[string]uint64 {
	if r.why == "" {
		return map[string]uint64{}
	}
	return map[string]uint64{r.why: 1}
}

// TestStrayResets asks for a port at which nobody listens.
func TestStrayResets(t *testing.T) {
	kernel.Require(t, kernel.ResetReason)
	const n = 50
	p := newPlace(t)
	k := observe(t, Config{})
	elsewhere := mib.Here(t)
	for range n {
		require.ErrorIs(t, newPlug(t, p.NS).connect(netip.AddrPortFrom(p.IPv4, 4000)), unix.ECONNREFUSED)
	}
	k.collect()

	s := k.sum(p.here())
	require.EqualValues(t, n, mib.Read(t, p.NS)["OutRsts"])
	require.Equal(t, [2]uint64{0, n}, s.Resets, "the client receives them")
	k.requireStrays("no_socket", n, elsewhere)
}

// TestResetsWithoutRoomForTheirReason fills the map of reasons: RSTs are all counted, and so is
// each that has no reason.
func TestResetsWithoutRoomForTheirReason(t *testing.T) {
	kernel.Require(t, kernel.ResetReason)
	const n = 5
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityConnection})
	for _, m := range []*ebpf.Map{k.objects.ResetsEven, k.objects.ResetsOdd} {
		for i := range m.MaxEntries() {
			require.NoError(t, m.Put(&tcpwhyResetKey{FlowId: uint64(i), Reason: 1}, uint32(1)))
		}
	}
	for range n {
		d := converse(t, k, traffic.Loopback(p.NS, p.IPv4.String()), p.here())
		d.clients(abort)
		d.servers(await, finish)
	}
	k.untilClosed(n, role(flow.RoleClient, p.here()))

	s := k.sum(role(flow.RoleClient, p.here()))
	require.EqualValues(t, n, mib.Read(t, p.NS)["OutRsts"])
	require.EqualValues(t, n, s.Resets[flow.Transmit])
	told := uint64(0)
	for _, n := range k.reasonsOf(role(flow.RoleClient, p.here())) {
		told += n
	}
	counts, err := k.Counts()
	require.NoError(t, err)
	require.NotZero(t, counts.Reasons)
	require.EqualValues(t, n, told+counts.Reasons, "each has a reason or is counted")
}

// requireStrays wants n RSTs of no connection, and no more than the namespace of the test
// has sent meanwhile.
func (c *collector) requireStrays(why string, n uint64, elsewhere mib.Counters) {
	c.t.Helper()
	require.GreaterOrEqual(c.t, c.strays[why], n)
	require.LessOrEqual(c.t, c.strays[why], n+mib.Here(c.t).Since(elsewhere)["OutRsts"])
}
