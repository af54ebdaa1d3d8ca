// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build amd64 || arm64

package ebpftcpreceiver

import (
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
	"github.com/tcpwhy/tcpwhy/internal/testutil/socket"
	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadata"
)

// TestResident is the process by which a namespace is found, until its input ends.
func TestResident(*testing.T) {
	if os.Getenv("TCPWHY_RESIDENT") != "" {
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
}

func inhabit(t *testing.T, ns *netns.NS) {
	command := exec.Command("/proc/self/exe", "-test.run=^TestResident$")
	command.Env = append(os.Environ(), "TCPWHY_RESIDENT=1")
	stdin, err := command.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, ns.Try(command.Start))
	t.Cleanup(func() {
		require.NoError(t, stdin.Close())
		require.NoError(t, command.Wait())
	})
}

// TestBytesOfEachBackend has three backends behind a virtual address, connections to it
// that are older than the collector, and newer ones from one port after the other: what
// went to each backend is what it counted.
func TestBytesOfEachBackend(t *testing.T) {
	root.Require(t)
	for _, test := range []struct {
		name           string
		ipv6, atClient bool
		granularity    Granularity
	}{
		{"on the way", false, false, GranularityEndpoint},
		{"at the client", false, true, GranularityPeer},
		{"IPv6", true, false, GranularityConnection},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCluster(t, test.ipv6, test.atClient)
			sink := c.observe(t, func(cfg *Config) { cfg.Granularity = test.granularity })

			sent, points := sentToBackends(sink, c.virtual)
			require.Equal(t, c.counted, sent)
			if test.granularity == GranularityConnection {
				require.Equal(t, 9, points, "connections")
			} else {
				require.Equal(t, 3, points, "one for each backend")
			}
		})
	}
}

// observe lets a receiver see four connections that are older than it, and five that are not,
// and what is sent on all of them.
func (c *cluster) observe(t *testing.T, change func(*Config)) *consumertest.MetricsSink {
	t.Helper()
	for range 4 {
		c.open(t, 0)
	}
	sink := new(consumertest.MetricsSink)
	factory := newFactory(newPool(openBPF, now))
	cfg := factory.CreateDefaultConfig().(*Config)
	switchOffAllBut(names.FlowIO)(cfg)
	cfg.InitialDelay = time.Hour // Shutdown exports
	change(cfg)
	r, err := factory.CreateMetrics(t.Context(), receivertest.NewNopSettings(metadata.Type), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	for range 5 {
		c.open(t, 0)
	}
	for i := range 40 {
		c.send(t, i%len(c.pairs), 100+i)
	}
	require.NoError(t, r.Shutdown(t.Context()))
	return sink
}

// TestClientBehindMasquerade has the router give connections its own address, too: the
// backends' flows tell whose they are.
func TestClientBehindMasquerade(t *testing.T) {
	root.Require(t)
	c := newCluster(t, false, false)
	for _, backend := range c.backends {
		c.nat.Masquerade(backend)
	}
	for range 3 {
		c.open(t, 0)
	}
	sink := new(consumertest.MetricsSink)
	factory := newFactory(newPool(openBPF, now))
	cfg := factory.CreateDefaultConfig().(*Config)
	switchOffAllBut(names.FlowIO)(cfg)
	cfg.InitialDelay = time.Hour // Shutdown exports
	cfg.RemoteAddresses = RemoteAddressesAll
	r, err := factory.CreateMetrics(t.Context(), receivertest.NewNopSettings(metadata.Type), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	for range 3 {
		c.open(t, 0)
	}
	var sent int64
	for i := range 20 {
		c.send(t, i%len(c.pairs), 100+i)
		sent += int64(100 + i)
	}
	require.NoError(t, r.Shutdown(t.Context()))

	received := make(map[any]int64)
	for _, md := range sink.AllMetrics() {
		for _, rm := range md.ResourceMetrics().All() {
			for _, p := range rm.ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().All() {
				a := p.Attributes().AsRaw()
				if a[names.SourcePort] == int64(8080) && a[names.IODirection] == names.Receive {
					require.NotContains(t, a, names.DestinationNATPort)
					received[a[names.DestinationNATAddress]] += p.IntValue()
				}
			}
		}
	}
	require.Equal(t, map[any]int64{c.client.IPv4.String(): sent}, received)
}

// A cluster is a client, and backends behind a virtual address.
type cluster struct {
	client   netns.Host
	virtual  netip.AddrPort
	arrivals chan *net.TCPConn
	pairs    []pair
	counted  map[netip.AddrPort]int64 // bytes that backends read
	nat      *nft.NAT
	backends []netip.AddrPort
}

type pair struct{ client, server *net.TCPConn }

func newCluster(t *testing.T, ipv6, atClient bool) *cluster {
	router, hosts := netns.Star(t, 4)
	c := &cluster{client: hosts[0], arrivals: make(chan *net.TCPConn), counted: make(map[netip.AddrPort]int64)}
	c.virtual = netip.MustParseAddrPort("203.0.113.1:80")
	if ipv6 {
		c.virtual = netip.MustParseAddrPort("[2001:db8:ffff::1]:80")
	}
	for _, host := range hosts[1:] {
		backend := netip.AddrPortFrom(host.IPv4, 8080)
		if ipv6 {
			backend = netip.AddrPortFrom(host.IPv6, 8080)
		}
		c.backends = append(c.backends, backend)
		go c.serve(host.Listen(backend.String()))
	}
	translates := router
	if atClient {
		translates = c.client.NS
	}
	c.nat = nft.NewNAT(t, translates)
	c.nat.Balance(c.virtual, c.backends...)
	inhabit(t, translates)
	return c
}

func (c *cluster) serve(listener *net.TCPListener) {
	for {
		conn, err := listener.AcceptTCP()
		if err != nil {
			return
		}
		c.arrivals <- conn
	}
}

func (c *cluster) open(t *testing.T, port uint16) {
	from := c.client.IPv4
	if c.virtual.Addr().Is6() {
		from = c.client.IPv6
	}
	client, err := c.client.DialWith(socket.Config{}, netip.AddrPortFrom(from, port), c.virtual)
	require.NoError(t, err)
	p := pair{client, <-c.arrivals}
	t.Cleanup(func() {
		_ = p.client.Close()
		_ = p.server.Close()
	})
	c.pairs = append(c.pairs, p)
}

// send sends on a connection, and has the backend count.
func (c *cluster) send(t *testing.T, i, n int) {
	p := c.pairs[i]
	_, err := p.client.Write(make([]byte, n))
	require.NoError(t, err)
	_, err = io.ReadFull(p.server, make([]byte, n))
	require.NoError(t, err)
	c.counted[p.server.LocalAddr().(*net.TCPAddr).AddrPort()] += int64(n)
}

// sentToBackends adds up what clients sent to a virtual address by who took it, and
// counts the series.
func sentToBackends(sink *consumertest.MetricsSink, virtual netip.AddrPort) (sent map[netip.AddrPort]int64, points int) {
	sent = make(map[netip.AddrPort]int64)
	for _, md := range sink.AllMetrics() {
		for _, rm := range md.ResourceMetrics().All() {
			for _, p := range rm.ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().All() {
				a := p.Attributes().AsRaw()
				if a[names.DestinationAddress] != virtual.Addr().String() || a[names.IODirection] != names.Transmit {
					continue
				}
				var backend netip.AddrPort
				if address, ok := a[names.DestinationNATAddress].(string); ok {
					backend = netip.AddrPortFrom(netip.MustParseAddr(address), uint16(a[names.DestinationNATPort].(int64)))
				}
				sent[backend] += p.IntValue()
				points++
			}
		}
	}
	return sent, points
}
