// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build amd64 || arm64

package ebpftcpreceiver

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// TestEventsTellWhoIsBehind resets connections to a virtual address at their clients, and
// has a backend at which nobody listens refuse others.
func TestEventsTellWhoIsBehind(t *testing.T) {
	root.Require(t)
	c := newCluster(t, false, false)
	nobody := netip.AddrPortFrom(c.backends[0].Addr(), 9)
	refused := netip.MustParseAddrPort("203.0.113.2:80")
	c.nat.Balance(refused, nobody)
	c.open(t, 0) // so that the namespace is read from the start

	sink := new(consumertest.LogsSink)
	factory := newFactory(newPool(openBPF, now))
	cfg := factory.CreateDefaultConfig().(*Config)
	cfg.Events.ConnectionFailed.Enabled = true
	cfg.Events.ConnectionReset.Enabled = true
	_, set, _ := telemetry(t)
	r, err := factory.CreateLogs(t.Context(), set, cfg, sink)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	want := make(map[string]string) // who is behind, by the client's end
	for range 6 {
		c.open(t, 0)
		p := c.pairs[len(c.pairs)-1]
		want[p.client.LocalAddr().String()] = p.server.LocalAddr().String()
		require.NoError(t, p.client.SetLinger(0))
		require.NoError(t, p.client.Close())
	}
	for range 3 {
		_, err := c.client.Dial(refused.String())
		require.ErrorIs(t, err, unix.ECONNREFUSED)
	}
	require.NoError(t, r.Shutdown(t.Context()))

	got, failed := make(map[string]string), 0
	for _, ld := range sink.AllLogs() {
		for _, rl := range ld.ResourceLogs().All() {
			for _, record := range rl.ScopeLogs().At(0).LogRecords().All() {
				a := record.Attributes().AsRaw()
				behind, _ := a[names.DestinationNATAddress].(string)
				port, _ := a[names.DestinationNATPort].(int64)
				address, _ := netip.ParseAddr(behind)
				peer := netip.AddrPortFrom(address, uint16(port))
				switch a[names.DestinationAddress] {
				case refused.Addr().String():
					require.Equal(t, nobody, peer)
					failed++
				case c.virtual.Addr().String():
					source := netip.AddrPortFrom(netip.MustParseAddr(a[names.SourceAddress].(string)), uint16(a[names.SourcePort].(int64)))
					got[source.String()] = peer.String()
				}
			}
		}
	}
	require.Equal(t, want, got)
	require.Equal(t, 3, failed)
}
