// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/identity/static"
)

const file = `
workloads:
  - {workload: cart, addresses: [10.0.0.1], container_ids: [4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c]}
  - {workload: legacy, cidrs: [192.0.2.0/24]}
services:
  - {service: web, addresses: [10.96.0.1], ports: [80]}
`

var container = strings.Repeat("4f1c", 16)

func open(t testing.TB, clusterCIDRs ...string) *Directory {
	path := filepath.Join(t.TempDir(), "identities.yaml")
	require.NoError(t, os.WriteFile(path, []byte(file), 0o600))
	d, err := Open(context.Background(), &Config{Static: &static.Config{File: path}, ClusterCIDRs: clusterCIDRs},
		Settings{Logger: zap.NewNop()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

func TestStrangers(t *testing.T) {
	const none, cluster = false, true
	const unknown, external = identity.KindUnknown, identity.KindExternal
	directories := map[bool]*Directory{none: open(t), cluster: open(t, "10.0.0.0/16", "198.18.0.0/15", "2001:db8::/32")}
	for _, test := range []struct {
		address       string
		none, cluster identity.Kind // without the cluster's ranges, and with them
	}{
		{"10.0.0.2", unknown, unknown},
		{"10.1.0.2", unknown, external},
		{"172.16.0.1", unknown, external},
		{"172.31.255.255", unknown, external},
		{"172.32.0.0", external, external},
		{"192.168.1.1", unknown, external},
		{"192.169.0.0", external, external},
		{"100.63.255.255", external, external},
		{"100.64.0.0", unknown, external}, // CGNAT
		{"100.127.255.255", unknown, external},
		{"100.128.0.0", external, external},
		{"127.0.0.1", unknown, unknown},
		{"169.254.169.254", unknown, unknown}, // link-local
		{"0.0.0.0", unknown, unknown},
		{"::1", unknown, unknown},
		{"::", unknown, unknown},
		{"fe80::1%eth0", unknown, unknown},
		{"fd00::1", unknown, external},
		{"fe00::1", external, external},
		{"2606:4700::1111", external, external},
		{"1.1.1.1", external, external},
		{"::ffff:1.1.1.1", external, external},
		{"::ffff:10.0.0.2", unknown, unknown},
		{"::ffff:10.1.0.2", unknown, external},
		{"198.18.0.1", external, unknown}, // public, and the cluster's
		{"198.20.0.1", external, external},
		{"2001:db8::1", external, unknown},
	} {
		for configured, want := range map[bool]identity.Kind{none: test.none, cluster: test.cluster} {
			if got := directories[configured].Remote(netip.MustParseAddr(test.address), 80, 1); got.Kind != want {
				t.Errorf("Remote(%s) is of kind %d, want %d (cluster_cidrs: %v)", test.address, got.Kind, want, configured)
			}
		}
	}
	require.Equal(t, unknown, directories[cluster].Remote(netip.Addr{}, 80, 1).Kind)
	require.Nil(t, directories[cluster].Local(identity.Local{Address: netip.MustParseAddr("1.1.1.1")}, 1))
}

// Who is known is never a stranger, wherever the address is.
func TestWhoIsKnownOutsideOfTheClusterIsNamed(t *testing.T) {
	d := open(t, "198.18.0.0/15")
	require.Equal(t, "cart", d.Remote(netip.MustParseAddr("10.0.0.1"), 80, 1).Workload.Name)
	require.Equal(t, "web", d.Remote(netip.MustParseAddr("10.96.0.1"), 80, 1).Service)
}

func TestMappedAddressIsTheSame(t *testing.T) {
	d := open(t)
	require.Equal(t, "cart", d.Remote(netip.MustParseAddr("::ffff:10.0.0.1"), 80, 1).Workload.Name)
	require.Equal(t, "cart", d.Local(identity.Local{Address: netip.MustParseAddr("::ffff:10.0.0.1")}, 1).Workload.Name)
}

func TestNothingConfigured(t *testing.T) {
	d, err := Open(context.Background(), &Config{}, Settings{Logger: zap.NewNop()})
	require.NoError(t, err)
	require.Equal(t, identity.KindExternal, d.Remote(netip.MustParseAddr("1.1.1.1"), 80, 1).Kind)
	require.Nil(t, d.Local(identity.Local{ContainerID: container}, 1))
	require.Equal(t, Status{}, d.Status())
	require.NoError(t, d.Close())
}

func TestStatus(t *testing.T) {
	require.Equal(t, static.Entries{Workloads: 2, Services: 1}, open(t).Status().Static.Entries)
}

// lookups are what a data point asks for.
var lookups = []struct {
	what string
	ask  func(identity.Directory) *identity.Identity
}{
	{"container", func(d identity.Directory) *identity.Identity {
		return d.Local(identity.Local{ContainerID: container, Process: "x", HostName: "h"}, 1)
	}},
	{"address", func(d identity.Directory) *identity.Identity {
		return d.Remote(netip.AddrFrom4([4]byte{10, 0, 0, 1}), 80, 1)
	}},
	{"service", func(d identity.Directory) *identity.Identity {
		return d.Remote(netip.AddrFrom4([4]byte{10, 96, 0, 1}), 80, 1)
	}},
	{"CIDR", func(d identity.Directory) *identity.Identity {
		return d.Remote(netip.AddrFrom4([4]byte{192, 0, 2, 1}), 80, 1)
	}},
	{"external", func(d identity.Directory) *identity.Identity {
		return d.Remote(netip.AddrFrom4([4]byte{1, 1, 1, 1}), 80, 1)
	}},
}

func TestLookupsAllocateNothing(t *testing.T) {
	d := open(t)
	for _, l := range lookups {
		require.NotNil(t, l.ask(d), l.what)
		require.Zero(t, testing.AllocsPerRun(100, func() { l.ask(d) }), l.what)
	}
}

func BenchmarkLookup(b *testing.B) {
	d := open(b)
	for _, l := range lookups {
		b.Run(l.what, func(b *testing.B) {
			for b.Loop() {
				l.ask(d)
			}
		})
	}
}
