// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package nft

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// A NAT translates addresses in one namespace, with which it ends.
type NAT struct {
	t      testing.TB
	conn   *nftables.Conn
	table  *nftables.Table
	before []*nftables.Chain // routing: of what comes in, and of what sockets send
	after  *nftables.Chain
}

// NewNAT makes one that translates nothing. From then on the namespace tracks
// connections.
func NewNAT(t testing.TB, ns *netns.NS) *NAT {
	t.Helper()
	conn, err := nftables.New(nftables.WithNetNSFd(ns.FD()))
	require.NoError(t, err)
	n := &NAT{t: t, conn: conn}
	n.table = conn.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: "nat"})
	n.before = []*nftables.Chain{
		n.chain("prerouting", nftables.ChainHookPrerouting, nftables.ChainPriorityNATDest),
		n.chain("output", nftables.ChainHookOutput, nftables.ChainPriorityNATDest),
	}
	n.after = n.chain("postrouting", nftables.ChainHookPostrouting, nftables.ChainPriorityNATSource)
	require.NoError(t, conn.Flush(), "add table")
	return n
}

func (n *NAT) chain(name string, hook *nftables.ChainHook, priority *nftables.ChainPriority) *nftables.Chain {
	return n.conn.AddChain(&nftables.Chain{
		Name: name, Table: n.table, Type: nftables.ChainTypeNAT, Hooknum: hook, Priority: priority,
	})
}

// Balance gives the connections to a virtual address to one backend after the other.
func (n *NAT) Balance(virtual netip.AddrPort, backends ...netip.AddrPort) {
	n.t.Helper()
	for _, chain := range n.before {
		for i, backend := range backends {
			exprs := append(to(virtual), turn(uint32(len(backends)-i))...)
			n.rule(chain, append(exprs, translate(backend)...))
		}
	}
	require.NoError(n.t, n.conn.Flush(), "add rules")
}

// Masquerade gives connections to an address the router's own as their source.
func (n *NAT) Masquerade(destination netip.AddrPort) {
	n.t.Helper()
	n.rule(n.after, append(to(destination), &expr.Masq{}))
	require.NoError(n.t, n.conn.Flush(), "add rule")
}

func (n *NAT) rule(chain *nftables.Chain, exprs []expr.Any) {
	n.conn.AddRule(&nftables.Rule{Table: n.table, Chain: chain, Exprs: exprs})
}

// to matches segments to an address and port.
func to(destination netip.AddrPort) []expr.Any {
	family, offset := byte(unix.NFPROTO_IPV4), uint32(16)
	if destination.Addr().Is6() {
		family, offset = unix.NFPROTO_IPV6, 24
	}
	address := destination.Addr().AsSlice()
	exprs := compareMeta(expr.MetaKeyNFPROTO, expr.CmpOpEq, []byte{family})
	exprs = append(exprs, tcp().alternatives[0]...)
	exprs = append(exprs,
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: uint32(len(address))},
		&expr.Cmp{Register: 1, Op: expr.CmpOpEq, Data: address})
	return append(exprs, DestinationPort(destination.Port()).alternatives[0]...)
}

// turn matches each n-th connection: those that it does not match are for the next rule.
func turn(n uint32) []expr.Any {
	return []expr.Any{
		&expr.Numgen{Register: 1, Modulus: n, Type: unix.NFT_NG_INCREMENTAL},
		&expr.Cmp{Register: 1, Op: expr.CmpOpEq, Data: []byte{0, 0, 0, 0}},
	}
}

func translate(destination netip.AddrPort) []expr.Any {
	family := uint32(unix.NFPROTO_IPV4)
	if destination.Addr().Is6() {
		family = unix.NFPROTO_IPV6
	}
	return []expr.Any{
		&expr.Immediate{Register: 1, Data: destination.Addr().AsSlice()},
		&expr.Immediate{Register: 2, Data: binary.BigEndian.AppendUint16(nil, destination.Port())},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: family, RegAddrMin: 1, RegAddrMax: 1, RegProtoMin: 2, RegProtoMax: 2},
	}
}
