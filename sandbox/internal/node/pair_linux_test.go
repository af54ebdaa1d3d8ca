// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/nft"
)

// A host is a network namespace with one link.
type host struct{ ns netns.NsHandle }

// do calls fn on a thread in the namespace, which ends with it.
func (h host) do(t *testing.T, fn func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := netns.Set(h.ns)
		if err == nil {
			err = fn()
		}
		done <- err
	}()
	require.NoError(t, <-done)
}

func newHost(t *testing.T) host {
	t.Helper()
	made := make(chan netns.NsHandle)
	go func() {
		runtime.LockOSThread()
		ns, _ := netns.New()
		made <- ns
	}()
	h := host{<-made}
	require.True(t, h.ns.IsOpen())
	t.Cleanup(func() { _ = h.ns.Close() })
	return h
}

// pair is two pods of a node, and the node between them.
func pair(t *testing.T) (client, between, server host) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("TCPWHY_REQUIRE_ROOT") != "" {
			t.Fatal("network namespaces need root, and TCPWHY_REQUIRE_ROOT is set")
		}
		t.Skip("network namespaces need root")
	}
	client, between, server = newHost(t), newHost(t), newHost(t)
	between.do(t, func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = Bridge
		bridge := &netlink.Bridge{LinkAttrs: attrs}
		if err := netlink.LinkAdd(bridge); err != nil {
			return err
		}
		for key, value := range map[string]string{"ip_forward": "1", "conf/all/send_redirects": "0", "conf/" + Bridge + "/send_redirects": "0"} {
			if err := os.WriteFile("/proc/sys/net/ipv4/"+key, []byte(value), 0); err != nil {
				return err
			}
		}
		if err := netlink.AddrAdd(bridge, &netlink.Addr{IPNet: address("10.9.0.1", 24)}); err != nil {
			return err
		}
		return netlink.LinkSetUp(bridge)
	})
	client.join(t, between, "client", "10.9.0.2")
	server.join(t, between, "server", "10.9.0.3")
	return client, between, server
}

func address(ip string, bits int) *net.IPNet {
	return &net.IPNet{IP: net.ParseIP(ip).To4(), Mask: net.CIDRMask(bits, 32)}
}

// join puts a pod at the node's bridge; the other pod is behind that, not beside.
func (h host) join(t *testing.T, node host, name, ip string) {
	t.Helper()
	node.do(t, func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(h.ns)}); err != nil {
			return err
		}
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		bridge, err := netlink.LinkByName(Bridge)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetMaster(link, bridge); err != nil {
			return err
		}
		return netlink.LinkSetUp(link)
	})
	h.do(t, func() error {
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: address(ip, 32)}); err != nil {
			return err
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return err
		}
		return netlink.RouteAdd(&netlink.Route{
			LinkIndex: link.Attrs().Index, Dst: address("0.0.0.0", 0), Gw: net.IPv4(10, 9, 0, 1), Flags: int(netlink.FLAG_ONLINK),
		})
	})
}

// count has the packet filter count TCP packets that come in and go out.
func (h host) count(t *testing.T) {
	t.Helper()
	h.do(t, func() error {
		return nft.Run(`table ip count {
			counter came { }
			counter gone { }
			chain input { type filter hook input priority 0; ip protocol tcp counter name came; }
			chain output { type filter hook output priority 0; ip protocol tcp counter name gone; }
		}`)
	})
}

// packets is what was counted, and how many TCP threw away because of their checksum.
func (h host) packets(t *testing.T) (came, broken, gone int) {
	t.Helper()
	h.do(t, func() error {
		counters, err := nft.Counters("count")
		if err != nil {
			return err
		}
		came, gone = int(counters["came"].Packets), int(counters["gone"].Packets)
		raw, err := os.ReadFile("/proc/thread-self/net/snmp")
		if err != nil {
			return err
		}
		_, tcp, _ := strings.Cut(string(raw), "\nTcp: ")
		names, values, _ := strings.Cut(tcp, "\nTcp: ")
		at := slices.Index(strings.Fields(names), "InCsumErrors")
		broken, err = strconv.Atoi(strings.Fields(values)[at])
		return err
	})
	return came, broken, gone
}
