// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build amd64 || arm64

package ebpftcpreceiver

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"

	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// TestBothEndsHaveOnePair has connections to three backends, older and newer ones, and
// joins what clients sent with what servers received by the pair alone: each backend's
// is what it counted.
func TestBothEndsHaveOnePair(t *testing.T) {
	root.Require(t)
	for _, test := range []struct {
		name   string
		change func(*testing.T, *cluster)
		pairs  int
	}{
		{"through a virtual address", func(*testing.T, *cluster) {}, 3},
		{"masqueraded, too", masquerade, 3},
		{"direct", direct, 1},
		{"masqueraded alone", func(t *testing.T, c *cluster) { masquerade(t, c); direct(t, c) }, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCluster(t, false, false)
			test.change(t, c)
			sink := c.observe(t, func(cfg *Config) {
				cfg.RemoteAddresses = RemoteAddressesAll
				cfg.Attributes.FlowPair.Enabled = true
			})

			sent, received, where := joinByPair(sink, c)
			require.Equal(t, received, sent)
			require.Len(t, sent, test.pairs)
			counted := make(map[string]int64)
			for pair, backend := range where {
				counted[pair] = c.counted[backend]
			}
			require.Equal(t, counted, received)
		})
	}
}

func masquerade(_ *testing.T, c *cluster) {
	for _, backend := range c.backends {
		c.nat.Masquerade(backend)
	}
}

func direct(_ *testing.T, c *cluster) { c.virtual = c.backends[0] }

// joinByPair adds up what the cluster's clients sent and its servers received by pair, and
// tells which backend a server's pair is of.
func joinByPair(sink *consumertest.MetricsSink, c *cluster) (sent, received map[string]int64, where map[string]netip.AddrPort) {
	sent, received, where = make(map[string]int64), make(map[string]int64), make(map[string]netip.AddrPort)
	for _, md := range sink.AllMetrics() {
		for _, rm := range md.ResourceMetrics().All() {
			for _, p := range rm.ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().All() {
				a := p.Attributes().AsRaw()
				pair, ok := a[names.FlowPair].(string)
				switch {
				case !ok:
				case a[names.DestinationAddress] == c.virtual.Addr().String() && a[names.IODirection] == names.Transmit:
					sent[pair] += p.IntValue()
				case a[names.SourcePort] == int64(8080) && a[names.IODirection] == names.Receive:
					received[pair] += p.IntValue()
					address := netip.MustParseAddr(a[names.SourceAddress].(string))
					where[pair] = netip.AddrPortFrom(address, 8080)
				}
			}
		}
	}
	return sent, received, where
}
