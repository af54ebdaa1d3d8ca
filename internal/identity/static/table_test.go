// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package static

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

const shop = `
workloads:
  - namespace: shop
    workload: cart
    kind: Deployment
    pod: cart-1
    node: n1
    zone: z1
    addresses: [10.0.0.1, "fd00::1"]
    container_ids: [containerd://4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c]
  - {namespace: data, workload: postgres, service: orders-db, node: n1, processes: [postgres], cidrs: [10.1.0.0/16]}
  - {workload: postgres-test, processes: [postgres], cidrs: [10.0.0.0/8, 10.1.2.0/24]}
  - {node: n2, zone: z2, addresses: [192.168.0.2]}
services:
  - {namespace: shop, service: web, addresses: [10.96.0.1], ports: [80, 443]}
  - {namespace: shop, service: admin, addresses: [10.96.0.1, 10.96.0.2], ports: [8080]}
  - {namespace: shop, service: any, addresses: [10.96.0.3]}
  - {namespace: shop, service: some, addresses: [10.96.0.3], ports: [81]}
`

var visitor = netip.MustParseAddr("203.0.113.9")

func parseShop(t testing.TB) *Table {
	table, err := Parse("shop.yaml", []byte(shop))
	require.NoError(t, err)
	return table
}

func TestWholeIdentity(t *testing.T) {
	table := parseShop(t)
	require.Equal(t, Entries{Workloads: 4, Services: 4}, table.entries)
	require.Equal(t, &identity.Identity{
		Kind: identity.KindPod, Pod: "cart-1", Place: &identity.Place{Node: "n1", Zone: "z1"},
		Common: &identity.Common{
			Namespace: "shop", Workload: identity.Workload{Kind: "Deployment", Name: "cart"},
			ServiceName: "cart", ServiceNamespace: "shop",
		},
	}, table.Remote(netip.MustParseAddr("fd00::1"), 80))
	require.Equal(t, &identity.Identity{
		Kind: identity.KindPod, Place: &identity.Place{Node: "n1", Zone: "z1"}, Common: &identity.Common{
			Namespace: "data", Workload: identity.Workload{Name: "postgres"}, ServiceName: "orders-db", ServiceNamespace: "data",
		},
	}, table.Remote(netip.MustParseAddr("10.1.0.1"), 80))
	require.Equal(t, &identity.Identity{Kind: identity.KindNode, Place: &identity.Place{Node: "n2", Zone: "z2"}, Common: &identity.Common{}},
		table.Remote(netip.MustParseAddr("192.168.0.2"), 22))
	require.Equal(t, &identity.Identity{
		Kind: identity.KindService, Place: &identity.Place{},
		Common: &identity.Common{Namespace: "shop", Service: "web", ServiceName: "web", ServiceNamespace: "shop"},
	}, table.Remote(netip.MustParseAddr("10.96.0.1"), 443))
}

// name is what tells the entries of the shop apart.
func name(id *identity.Identity) string {
	switch {
	case id == nil:
		return "nobody"
	case id.Kind == identity.KindService:
		return id.Service
	case id.Kind == identity.KindNode:
		return id.Node
	}
	return id.Workload.Name
}

func TestRemote(t *testing.T) {
	table := parseShop(t)
	for _, c := range []struct {
		what, address string
		port          uint16
		want          string
	}{
		{"an address before the CIDR around it", "10.0.0.1", 80, "cart"},
		{"the CIDR around all", "10.9.9.9", 80, "postgres-test"},
		{"the narrower CIDR", "10.1.9.9", 80, "postgres"},
		{"the narrowest CIDR", "10.1.2.3", 80, "postgres-test"},
		{"a service by its port", "10.96.0.1", 80, "web"},
		{"another service by its port", "10.96.0.1", 8080, "admin"},
		{"no service's port: the CIDR", "10.96.0.1", 22, "postgres-test"},
		{"an unknown port of two services: the CIDR", "10.96.0.1", 0, "postgres-test"},
		{"an unknown port of one service: the CIDR", "10.96.0.2", 0, "postgres-test"},
		{"a port that the other service does not name", "10.96.0.3", 80, "any"},
		{"a port that a service names before one that has all", "10.96.0.3", 81, "some"},
		{"nobody's address", "203.0.113.9", 80, "nobody"},
		{"nobody's address of the other family", "fd00::2", 80, "nobody"},
	} {
		if got := name(table.Remote(netip.MustParseAddr(c.address), c.port)); got != c.want {
			t.Errorf("%s: Remote(%s, %d) = %s, want %s", c.what, c.address, c.port, got, c.want)
		}
	}
}

func TestLocal(t *testing.T) {
	table := parseShop(t)
	for _, c := range []struct {
		what string
		end  identity.Local
		want string
	}{
		{"the container before all", identity.Local{ContainerID: strings.Repeat("4f1c", 16), Process: "postgres", HostName: "n1"}, "cart"},
		{"another container", identity.Local{ContainerID: strings.Repeat("4f1d", 16), Process: "x"}, "nobody"},
		{"the process of a node", identity.Local{Process: "postgres", HostName: "n1"}, "postgres"},
		{"the process anywhere", identity.Local{Process: "postgres", HostName: "n9"}, "postgres-test"},
		{"the process before the address", identity.Local{Process: "postgres", Address: netip.MustParseAddr("10.0.0.1")}, "postgres-test"},
		{"the address", identity.Local{Process: "x", Address: netip.MustParseAddr("10.0.0.1")}, "cart"},
		{"the CIDR", identity.Local{Address: netip.MustParseAddr("10.1.0.1")}, "postgres"},
		{"a service's address is not local", identity.Local{Address: netip.MustParseAddr("10.96.0.1")}, "postgres-test"},
		{"nothing", identity.Local{}, "nobody"},
	} {
		if got := name(table.Local(c.end)); got != c.want {
			t.Errorf("%s: Local = %s, want %s", c.what, got, c.want)
		}
	}
}

// TestZoneOfANode is told once, before or after what is on the node.
func TestZoneOfANode(t *testing.T) {
	table, err := Parse("f.yaml", []byte(`
workloads:
  - {workload: a, node: n1, addresses: [10.0.0.1]}
  - {node: n1, zone: z1, addresses: [10.0.0.2]}
  - {workload: b, node: n1, addresses: [10.0.0.3]}
  - {workload: c, node: n2, addresses: [10.0.0.4]}
  - {workload: d, addresses: [10.0.0.5]}
`))
	require.NoError(t, err)
	for address, want := range map[string]string{"10.0.0.1": "z1", "10.0.0.2": "z1", "10.0.0.3": "z1", "10.0.0.4": "", "10.0.0.5": ""} {
		require.Equal(t, want, table.Remote(netip.MustParseAddr(address), 80).Zone, address)
	}
}

// TestLoopback is a machine with a file of its own, all of which is one workload: that
// is who is behind its loopback, and nobody else is.
func TestLoopback(t *testing.T) {
	table, err := Parse("f.yaml", []byte(`
workloads:
  - {workload: shop, node: n1, addresses: [192.0.2.1, 127.0.0.1, "::1"], cidrs: [127.0.0.0/8]}
  - {workload: other, node: n2, addresses: [192.0.2.2]}
  - {workload: rest, cidrs: [0.0.0.0/0, "::/0", 192.0.2.3/32]}
services:
  - {service: db, addresses: [127.0.0.53], ports: [5432]}
`))
	require.NoError(t, err)
	for address, want := range map[string]string{
		"127.0.0.1": "shop", "::1": "shop", "127.9.9.9": "shop", "192.0.2.2": "other", "192.0.2.3": "rest", "203.0.113.9": "rest", "2001:db8::1": "rest",
	} {
		require.Equal(t, want, name(table.Remote(netip.MustParseAddr(address), 80)), address)
	}
	require.Equal(t, "db", name(table.Remote(netip.MustParseAddr("127.0.0.53"), 5432)))
	require.Equal(t, "shop", name(table.Remote(netip.MustParseAddr("127.0.0.53"), 0)))
}
