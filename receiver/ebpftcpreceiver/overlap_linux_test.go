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
	"github.com/vishvananda/netlink"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadata"
)

// newTwin has the same addresses as a cluster, in namespaces of its own, and nobody
// translates: a host has the virtual address.
func newTwin(t *testing.T, of *cluster) *cluster {
	router, hosts := netns.Star(t, 2)
	c := &cluster{client: hosts[0], virtual: of.virtual, arrivals: make(chan *net.TCPConn), counted: make(map[netip.AddrPort]int64)}
	hosts[1].AddAddress("veth0", netip.PrefixFrom(c.virtual.Addr(), 32))
	require.NoError(t, router.Netlink().RouteAdd(&netlink.Route{
		Dst: &net.IPNet{IP: c.virtual.Addr().AsSlice(), Mask: net.CIDRMask(32, 32)}, Gw: hosts[1].IPv4.AsSlice(),
	}))
	require.Equal(t, of.client.IPv4, c.client.IPv4)
	go c.serve(hosts[1].Listen(c.virtual.String()))
	return c
}

// TestSameAddressesInTwoNamespaces has two clients with one address connect from one port
// to one virtual address, at once. A backend has answered one of them alone.
func TestSameAddressesInTwoNamespaces(t *testing.T) {
	root.Require(t)
	for _, test := range []struct {
		name     string
		atClient bool
		older    bool
	}{
		{"translated on the way", false, false},
		{"translated at the client", true, false},
		{"older than the collector", false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCluster(t, false, test.atClient)
			twin := newTwin(t, c)
			connect := func() {
				for range 3 {
					c.open(t, 0) // nobody else has their ports
				}
				for port := range uint16(5) {
					for _, of := range []*cluster{twin, c} {
						of.open(t, 30000+port)
					}
				}
			}
			c.open(t, 0) // so that the address is known to be virtual
			if test.older {
				connect()
			}
			sink := new(consumertest.MetricsSink)
			factory := newFactory(newPool(openBPF, now))
			cfg := factory.CreateDefaultConfig().(*Config)
			switchOffAllBut(names.FlowIO)(cfg)
			cfg.InitialDelay = time.Hour // Shutdown exports
			r, err := factory.CreateMetrics(t.Context(), receivertest.NewNopSettings(metadata.Type), cfg, sink)
			require.NoError(t, err)
			require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
			if !test.older {
				connect()
			}
			var unshared, shared, others int64
			for i := range c.pairs {
				c.send(t, i, 100+i)
				if port := c.pairs[i].client.LocalAddr().(*net.TCPAddr).Port; port < 30000 || port >= 30005 {
					unshared += int64(100 + i)
				} else {
					shared += int64(100 + i)
				}
			}
			for i := range twin.pairs {
				twin.send(t, i, 10000+i)
				others += int64(10000 + i)
			}
			require.NoError(t, r.Shutdown(t.Context()))

			sent, _ := sentToBackends(sink, c.virtual)
			service := sent[netip.AddrPort{}]
			delete(sent, netip.AddrPort{})
			var known int64
			for _, n := range sent {
				known += n
			}
			if test.atClient {
				require.Equal(t, c.counted, sent, "its own namespace tells")
				require.Equal(t, others, service)
				return
			}
			require.Equal(t, unshared, known, "it may be either's")
			require.Equal(t, shared+others, service, "the service stays")
		})
	}
}
