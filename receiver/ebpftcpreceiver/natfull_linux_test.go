// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build amd64 || arm64

package ebpftcpreceiver

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"

	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// TestMoreConnectionsThanEntries has more translated connections in an interval than may
// be known: the others keep the service, no byte is missing, and it is counted.
func TestMoreConnectionsThanEntries(t *testing.T) {
	root.Require(t)
	const connections, entries = 12, 3
	c := newCluster(t, false, false)
	c.open(t, 0) // so that the namespace is read from the start
	first := c.pairs
	c.pairs = nil

	tt, set, _ := telemetry(t)
	sink := new(consumertest.MetricsSink)
	factory := newFactory(newPool(openBPF, now))
	cfg := factory.CreateDefaultConfig().(*Config)
	switchOffAllBut(names.FlowIO)(cfg)
	cfg.InitialDelay = time.Hour // Shutdown exports
	cfg.Granularity = GranularityConnection
	cfg.NAT.MaxEntries = entries + len(first)
	r, err := factory.CreateMetrics(t.Context(), set, cfg, sink)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	truth := make(map[int64]netip.AddrPort) // by the client's port
	var sent int64
	for i := range connections {
		c.open(t, 0)
		c.send(t, i, 100+i)
		sent += int64(100 + i)
		p := c.pairs[i]
		truth[int64(p.client.LocalAddr().(*net.TCPAddr).Port)] = p.server.LocalAddr().(*net.TCPAddr).AddrPort()
	}
	require.NoError(t, r.Shutdown(t.Context()))

	told := 0
	for _, md := range sink.AllMetrics() {
		for _, rm := range md.ResourceMetrics().All() {
			for _, p := range rm.ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().All() {
				a := p.Attributes().AsRaw()
				want, ours := truth[a[names.SourcePort].(int64)]
				if !ours || a[names.DestinationAddress] != c.virtual.Addr().String() || a[names.IODirection] != names.Transmit {
					continue
				}
				sent -= p.IntValue()
				if behind, ok := a[names.DestinationNATAddress].(string); ok {
					require.Equal(t, want.Addr().String(), behind, "never a wrong one")
					told++
				}
			}
		}
	}
	require.Zero(t, sent, "bytes that are missing")
	require.LessOrEqual(t, told, entries)
	require.EqualValues(t, connections-entries, sumOf(t, tt, "otelcol_ebpf_tcp_nat_lost"))
}
