// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/conntrack"
	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// fakeTranslations are a table of which the test is the kernel.
type fakeTranslations struct {
	*conntrack.Table
	syncs int
	stats conntrack.Stats
	err   error
}

func (f *fakeTranslations) Discover() error        { return f.err }
func (f *fakeTranslations) Sync() error            { f.syncs++; return f.err }
func (*fakeTranslations) Active() bool             { return true }
func (f *fakeTranslations) Stats() conntrack.Stats { return f.stats }
func (*fakeTranslations) Close() error             { return nil }

// fakeEnds note what the kernel side is told.
type fakeEnds struct {
	virtual map[netip.AddrPort]bool
	apart   bool
}

func (f *fakeEnds) SetVirtual(end netip.AddrPort, virtual bool) error {
	f.virtual[end] = virtual
	return nil
}

func (f *fakeEnds) SetApart(on bool) error { f.apart = on; return nil }

var (
	local   = netip.MustParseAddr("10.0.0.1")
	virtual = netip.MustParseAddrPort("10.96.0.1:80")
	backend = netip.MustParseAddrPort("10.1.0.1:8080")
	another = netip.MustParseAddrPort("10.1.0.2:8080")
)

type translatorTest struct {
	*translator
	table *fakeTranslations
	ends  *fakeEnds
	clock uint64
}

func newTranslatorTest(t *testing.T, change func(*Config)) *translatorTest {
	cfg := createDefaultConfig().(*Config)
	if change != nil {
		change(cfg)
	}
	tt := &translatorTest{
		table: &fakeTranslations{Table: conntrack.NewTable(100)},
		ends:  &fakeEnds{virtual: make(map[netip.AddrPort]bool)},
		clock: 1000,
	}
	var pairs *pairer
	if cfg.Attributes.FlowPair.Enabled {
		pairs = newPairer(cfg, uuid.UUID{})
	}
	tt.translator = newTranslator(cfg, pairs, func() uint64 { return tt.clock })
	tt.translations = tt.table
	require.NoError(t, tt.connect(tt.ends))
	require.True(t, tt.ends.apart)
	require.NoError(t, tt.begin())
	return tt
}

// goes has a connection from a port translated.
func (tt *translatorTest) goes(port uint16, to netip.AddrPort) conntrack.Entry {
	from := netip.AddrPortFrom(local, port)
	e := conntrack.Entry{Before: conntrack.Tuple{Source: from, Destination: virtual}, After: conntrack.Tuple{Source: from, Destination: to}}
	tt.table.Add(1, e, tt.clock, tt.clock)
	tt.learn(e)
	return e
}

// connected is what a client did that was established now.
func (tt *translatorTest) connected(port, serial uint16, to netip.AddrPort) *flow.Delta {
	return &flow.Delta{
		Key:    flow.Key{Local: local, LocalPort: port, Remote: to.Addr(), RemotePort: to.Port(), Role: flow.RoleClient},
		Serial: serial, Since: tt.clock, Opened: 1,
	}
}

func TestConnectionsOfOneBackendAreOneFlow(t *testing.T) {
	tt := newTranslatorTest(t, nil)
	tt.goes(40000, backend)
	tt.goes(40001, another)
	tt.goes(40002, backend)
	keys := make(map[flow.Key]int)
	for port := range uint16(3) {
		d := tt.connected(40000+port, port+1, virtual)
		tt.translate(d)
		keys[d.Key]++
		require.Zero(t, d.Serial)
		require.Zero(t, d.Key.LocalPort)
	}
	require.Len(t, keys, 2)
	require.Equal(t, map[netip.AddrPort]bool{virtual: true}, tt.ends.virtual)
	require.Equal(t, 1, tt.table.syncs, "once an interval")
}

func TestUntranslatedIsLeftAlone(t *testing.T) {
	tt := newTranslatorTest(t, nil)
	d := tt.connected(40000, 1, backend)
	tt.translate(d)
	require.False(t, d.Key.Translated.IsValid())
	require.Zero(t, d.Key.LocalPort)
	require.Equal(t, map[netip.AddrPort]bool{backend: false}, tt.ends.virtual, "no need to ask again")

	d = tt.connected(0, 0, backend)
	key := d.Key
	tt.translate(d)
	require.Equal(t, key, d.Key, "not told apart")
}

// TestIdentityStays has a connection's translation end, and another begin, while the
// connection is open.
func TestIdentityStays(t *testing.T) {
	tt := newTranslatorTest(t, nil)
	e := tt.goes(40000, backend)
	d := tt.connected(40000, 1, virtual)
	tt.translate(d)
	first := d.Key
	require.Equal(t, backend, first.Translated.AddrPort())
	tt.end()
	tt.clock += 10
	tt.table.End(1, e, tt.clock)
	tt.goes(40000, another)
	for range 10 {
		require.NoError(t, tt.begin())
		d = tt.connected(40000, 1, virtual)
		d.Opened = 0
		tt.translate(d)
		require.Equal(t, first, d.Key)
		tt.end()
		tt.clock += 10
	}
	for range peerRounds + 1 {
		require.NoError(t, tt.begin())
		tt.end()
	}
	require.Empty(t, tt.peers, "forgotten")
}

// TestUnknownStaysTheService cannot tell which of two it is.
func TestUnknownStaysTheService(t *testing.T) {
	tt := newTranslatorTest(t, nil)
	e := tt.goes(40000, backend)
	tt.table.End(1, e, 2000) // read late
	e.After.Destination = another
	tt.table.Add(1, e, tt.clock, 2001)
	d := tt.connected(40000, 1, virtual)
	tt.translate(d)
	require.False(t, d.Key.Translated.IsValid())
	require.True(t, tt.ends.virtual[virtual])

	d = tt.connected(40000, 2, virtual)
	d.Live[1] = 1
	tt.begun, tt.clock = 3000, 3010
	tt.translate(d)
	require.Equal(t, another, d.Key.Translated.AddrPort(), "the sweep saw the second one")
}

// TestFailedConnect asks for any moment since it was tried.
func TestFailedConnect(t *testing.T) {
	tt := newTranslatorTest(t, nil)
	d := tt.connected(40000, 1, virtual)
	d.Opened = 0
	d.Trouble.Failed[flow.FailureRefused] = 1
	tt.clock += 10
	tt.goes(40000, backend)
	tt.clock += 10
	tt.translate(d)
	require.Equal(t, backend, d.Key.Translated.AddrPort())
}

// TestClientOfServer masks the client as the kernel side does, without its port.
func TestClientOfServer(t *testing.T) {
	node := netip.MustParseAddrPort("10.0.0.254:50000")
	for name, test := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"masked":     {nil, "198.51.100.0:0"},
		"all":        {func(c *Config) { c.RemoteAddresses = RemoteAddressesAll }, "198.51.100.7:0"},
		"cluster":    {func(c *Config) { c.ClusterCIDRs = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")} }, "198.51.100.7:0"},
		"connection": {func(c *Config) { c.Granularity = GranularityConnection }, "198.51.100.0:40000"},
	} {
		t.Run(name, func(t *testing.T) {
			tt := newTranslatorTest(t, test.change)
			visitor := netip.MustParseAddrPort("198.51.100.7:40000")
			e := conntrack.Entry{
				Before: conntrack.Tuple{Source: visitor, Destination: virtual},
				After:  conntrack.Tuple{Source: node, Destination: backend},
			}
			tt.table.Add(1, e, tt.clock, tt.clock)
			tt.learn(e)
			require.True(t, tt.ends.virtual[netip.AddrPortFrom(node.Addr(), 0)])
			d := &flow.Delta{
				Key: flow.Key{
					Local: backend.Addr(), LocalPort: backend.Port(), Remote: node.Addr(), RemotePort: node.Port(), Role: flow.RoleServer,
				},
				Serial: 1, Since: tt.clock, Opened: 1,
			}
			tt.translate(d)
			require.Equal(t, netip.MustParseAddrPort(test.want), d.Key.Translated.AddrPort())
		})
	}
}

// TestTroubleIsNoEnd goes on with what is known.
func TestTroubleIsNoEnd(t *testing.T) {
	tt := newTranslatorTest(t, nil)
	tt.table.err = errors.New("no")
	require.NoError(t, tt.begin())
	tt.goes(40000, backend)
	d := tt.connected(40000, 1, virtual)
	tt.translate(d)
	require.Equal(t, backend, d.Key.Translated.AddrPort())
	require.Error(t, tt.trouble)
}

func TestVisitorMask(t *testing.T) {
	mask := visitorMask([]netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")})
	for from, to := range map[string]string{
		"10.1.2.3": "10.1.2.3", "172.31.0.1": "172.31.0.1", "192.168.1.1": "192.168.1.1", "169.254.1.1": "169.254.1.1",
		"127.0.0.1": "127.0.0.1", "100.127.1.1": "100.127.1.1", "203.0.113.9": "203.0.113.9", "8.8.8.8": "8.8.8.0",
		"172.32.0.1": "172.32.0.0", "2001:4860:4860::8888": "2001:4860:4860::", "fd00::1": "fd00::1", "fe80::1": "fe80::1", "::1": "::1",
		"2001:db8:1:2ff::1": "2001:db8:1:200::",
	} {
		require.Equal(t, to, mask(netip.MustParseAddr(from)).String())
	}
}
