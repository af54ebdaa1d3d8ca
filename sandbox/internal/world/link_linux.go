// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
	"unsafe"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// in calls fn with the links of the namespace.
func (n *Namespace) in(fn func(*netlink.Handle) error) error {
	handle, err := netlink.NewHandleAt(netns.NsHandle(n.file.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open links: %w", err)
	}
	defer handle.Close()
	return fn(handle)
}

func (n *Namespace) up(name string) error {
	return n.in(func(h *netlink.Handle) error {
		link, err := h.LinkByName(name)
		if err != nil {
			return fmt.Errorf("find link %s: %w", name, err)
		}
		return h.LinkSetUp(link)
	})
}

func (n *Namespace) addBridge(name string) error {
	err := n.in(func(h *netlink.Handle) error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		return h.LinkAdd(&netlink.Bridge{LinkAttrs: attrs})
	})
	if err != nil {
		return fmt.Errorf("add bridge %s: %w", name, err)
	}
	return n.up(name)
}

// join adds a link between the namespace and a bridge of another. Segments cross it one by
// one, so that what is dropped is what TCP counts.
func (n *Namespace) join(name string, to *Namespace, peer, bridge string) error {
	err := n.in(func(h *netlink.Handle) error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		return h.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: peer, PeerNamespace: netlink.NsFd(to.file.Fd())})
	})
	if err != nil {
		return fmt.Errorf("add link %s: %w", peer, err)
	}
	err = to.in(func(h *netlink.Handle) error {
		link, err := h.LinkByName(peer)
		if err != nil {
			return err
		}
		master, err := h.LinkByName(bridge)
		if err != nil {
			return err
		}
		return h.LinkSetMaster(link, master)
	})
	if err != nil {
		return fmt.Errorf("put %s at bridge %s: %w", peer, bridge, err)
	}
	return errors.Join(n.segments(name), to.segments(peer), n.up(name), to.up(peer), n.carrier(name), to.carrier(peer))
}

// carrier waits until a link can be used.
func (n *Namespace) carrier(name string) error {
	return n.in(func(h *netlink.Handle) error {
		for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(time.Millisecond) {
			if link, err := h.LinkByName(name); err == nil && link.Attrs().OperState == netlink.OperUp {
				return nil
			}
		}
		return fmt.Errorf("wait for link %s: it has no carrier after 10 s", name)
	})
}

func (n *Namespace) addAddress(name string, prefix netip.Prefix) error {
	return n.in(func(h *netlink.Handle) error {
		link, err := h.LinkByName(name)
		if err != nil {
			return err
		}
		if err := h.AddrAdd(link, &netlink.Addr{IPNet: network(prefix)}); err != nil {
			return fmt.Errorf("add address %s to %s: %w", prefix, name, err)
		}
		return nil
	})
}

// addRoute adds one through a gateway that need not be in a network of the link's.
func (n *Namespace) addRoute(name string, to netip.Prefix, gateway netip.Addr) error {
	return n.in(func(h *netlink.Handle) error {
		link, err := h.LinkByName(name)
		if err != nil {
			return err
		}
		route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: network(to), Gw: gateway.AsSlice(), Flags: int(netlink.FLAG_ONLINK)}
		if err := h.RouteAdd(route); err != nil {
			return fmt.Errorf("add route to %s: %w", to, err)
		}
		return nil
	})
}

func network(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// segments switches TSO, GSO and GRO off.
func (n *Namespace) segments(name string) error {
	return n.Do(func() error {
		for _, feature := range []uint32{unix.ETHTOOL_STSO, unix.ETHTOOL_SGSO, unix.ETHTOOL_SGRO} {
			if err := ethtool(name, feature, 0); err != nil {
				return fmt.Errorf("switch off feature %#x of %s: %w", feature, name, err)
			}
		}
		return nil
	})
}

// ethtool gives a link's feature a value, in the calling thread's namespace.
func ethtool(link string, command, value uint32) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	argument := struct{ command, value uint32 }{command, value}
	request := struct { // struct ifreq, whose union here is a pointer
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}{data: unsafe.Pointer(&argument)}
	copy(request.name[:unix.IFNAMSIZ-1], link)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return errno
	}
	return nil
}
