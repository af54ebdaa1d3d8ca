// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package nft drops and counts TCP segments in a network namespace by the
// kernel's packet filter, whose counters are the truth about loss.
//
// Filter where segments arrive: there they are single, if the link's offloads
// are off (see netns.Pair and netns.NS.DisableOffloads). Where they leave,
// several may still be one packet.
package nft

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// A Filter is a set of rules in one namespace, with which it ends.
type Filter struct {
	t      testing.TB
	conn   *nftables.Conn
	table  *nftables.Table
	chains map[Direction]*nftables.Chain
	rules  *atomic.Uint32
}

// A Direction is a way that packets take through the namespace's sockets.
type Direction string

// Directions.
const (
	Input  Direction = "input"  // to a socket of the namespace
	Output Direction = "output" // from a socket of the namespace
)

// New makes an empty filter.
func New(t testing.TB, ns *netns.NS) *Filter {
	t.Helper()
	conn, err := nftables.New(nftables.WithNetNSFd(ns.FD()))
	require.NoError(t, err)

	f := &Filter{t: t, conn: conn, rules: new(atomic.Uint32)}
	f.table = conn.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: "tcpwhy"})
	f.chains = map[Direction]*nftables.Chain{
		Input:  f.chain(Input, nftables.ChainHookInput),
		Output: f.chain(Output, nftables.ChainHookOutput),
	}
	require.NoError(t, conn.Flush(), "add table")
	return f
}

func (f *Filter) chain(d Direction, hook *nftables.ChainHook) *nftables.Chain {
	return f.conn.AddChain(&nftables.Chain{
		Name: string(d), Table: f.table, Type: nftables.ChainTypeFilter,
		Hooknum: hook, Priority: nftables.ChainPriorityFilter,
	})
}

// Count counts the segments that match everything. Rules act in the order in
// which they were made: what an earlier one dropped, no later one counts.
func (f *Filter) Count(d Direction, matches ...Match) *Rule {
	f.t.Helper()
	return f.add(d, matches)
}

// Drop drops at random a share of the segments that match everything, in
// thousandths, and counts what it dropped.
func (f *Filter) Drop(d Direction, permille uint32, matches ...Match) *Rule {
	f.t.Helper()
	return f.add(d, append(matches, random(permille)), drop())
}

// DropSome drops n of the segments that match everything, from the given one on,
// and counts what it dropped. The first one is number 0.
func (f *Filter) DropSome(d Direction, first, n uint32, matches ...Match) *Rule {
	f.t.Helper()
	return f.some(d, first, n, matches, drop())
}

// Congest marks at random a share of what [Filter.CongestSome] does, in thousandths.
func (f *Filter) Congest(d Direction, permille uint32, matches ...Match) *Rule {
	f.t.Helper()
	return f.add(d, append(matches, congestible(), random(permille)), congest()...)
}

// CongestSome marks n of the segments over IPv4 that match everything and say that they may
// be marked, from the given one on, as having met congestion, as a router does (RFC 3168), and
// counts them.
func (f *Filter) CongestSome(d Direction, first, n uint32, matches ...Match) *Rule {
	f.t.Helper()
	return f.some(d, first, n, append(matches, congestible()), congest()...)
}

// CloseWindow has segments that match everything say that their sender takes no more, and counts
// them.
func (f *Filter) CloseWindow(d Direction, matches ...Match) *Rule {
	f.t.Helper()
	const window, checksum = 14, 16
	return f.add(d, matches, &expr.Immediate{Register: 1, Data: []byte{0, 0}}, &expr.Payload{
		OperationType: expr.PayloadWrite, SourceRegister: 1, Base: expr.PayloadBaseTransportHeader,
		Offset: window, Len: 2, CsumType: expr.CsumTypeInet, CsumOffset: checksum,
	})
}

// some does something with n of the segments that match everything, and counts them.
func (f *Filter) some(d Direction, first, n uint32, matches []Match, then ...expr.Any) *Rule {
	f.t.Helper()
	rule := f.counter(d)
	chain := f.conn.AddChain(&nftables.Chain{Name: rule.name, Table: f.table})
	f.conn.AddRule(&nftables.Rule{Table: f.table, Chain: chain, Exprs: append(append(numbered(first, n), rule.count()), then...)})
	// Alternatives share the chain and so its numbers.
	return f.append(rule, d, matches, &expr.Verdict{Kind: expr.VerdictJump, Chain: chain.Name})
}

// Here makes a place for rules: what is made in it later acts where it was made.
func (f *Filter) Here(d Direction) *Filter {
	f.t.Helper()
	name := fmt.Sprintf("%s%d", d, f.rules.Add(1))
	chain := f.conn.AddChain(&nftables.Chain{Name: name, Table: f.table})
	f.conn.AddRule(&nftables.Rule{Table: f.table, Chain: f.chains[d], Exprs: []expr.Any{
		&expr.Verdict{Kind: expr.VerdictJump, Chain: name},
	}})
	require.NoError(f.t, f.conn.Flush(), "add chain")
	return &Filter{t: f.t, conn: f.conn, table: f.table, chains: map[Direction]*nftables.Chain{d: chain}, rules: f.rules}
}

// Reject answers segments that match everything with an ICMP message, and counts
// them.
func (f *Filter) Reject(d Direction, why Unreachable, matches ...Match) *Rule {
	f.t.Helper()
	return f.add(d, matches, &expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: byte(why)})
}

// An Unreachable is what an ICMP message says.
type Unreachable byte

// What is unreachable.
const (
	NoRoute    Unreachable = unix.NFT_REJECT_ICMPX_NO_ROUTE
	NoPort     Unreachable = unix.NFT_REJECT_ICMPX_PORT_UNREACH
	NoHost     Unreachable = unix.NFT_REJECT_ICMPX_HOST_UNREACH
	Prohibited Unreachable = unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED
)

// add makes a rule that counts, then does the rest.
func (f *Filter) add(d Direction, matches []Match, then ...expr.Any) *Rule {
	f.t.Helper()
	rule := f.counter(d)
	return f.append(rule, d, matches, append([]expr.Any{rule.count()}, then...)...)
}

func (f *Filter) counter(d Direction) *Rule {
	rule := &Rule{filter: f, name: fmt.Sprintf("%s%d", d, f.rules.Add(1))}
	f.conn.AddObj(&nftables.CounterObj{Table: f.table, Name: rule.name})
	return rule
}

// append makes one kernel rule for each combination of the matches' alternatives.
// As alternatives exclude each other they can share a counter.
func (f *Filter) append(rule *Rule, d Direction, matches []Match, then ...expr.Any) *Rule {
	f.t.Helper()
	for _, exprs := range combine(append([]Match{tcp()}, matches...)) {
		f.conn.AddRule(&nftables.Rule{Table: f.table, Chain: f.chains[d], Exprs: append(exprs, then...)})
	}
	require.NoError(f.t, f.conn.Flush(), "add rule")
	return rule
}

func drop() expr.Any { return &expr.Verdict{Kind: expr.VerdictDrop} }

// trafficClass is where an IPv4 header has the two bits for congestion.
const trafficClass = 1

// congest sets both bits for congestion, and mends the header's checksum.
func congest() []expr.Any {
	const checksum = 10
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: trafficClass, Len: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 1, Mask: []byte{0xfc}, Xor: []byte{3}},
		&expr.Payload{OperationType: expr.PayloadWrite, SourceRegister: 1, Base: expr.PayloadBaseNetworkHeader,
			Offset: trafficClass, Len: 1, CsumType: expr.CsumTypeInet, CsumOffset: checksum},
	}
}

// A Rule counts what matched it.
type Rule struct {
	filter *Filter
	name   string
}

func (r *Rule) count() expr.Any {
	return &expr.Objref{Type: unix.NFT_OBJECT_COUNTER, Name: r.name}
}

// Packets returns the packets counted.
func (r *Rule) Packets() uint64 { return r.counter().Packets }

// Bytes returns the bytes counted, IP headers included.
func (r *Rule) Bytes() uint64 { return r.counter().Bytes }

func (r *Rule) counter() *nftables.CounterObj {
	r.filter.t.Helper()
	object, err := r.filter.conn.GetObject(&nftables.CounterObj{Table: r.filter.table, Name: r.name})
	require.NoError(r.filter.t, err)
	return object.(*nftables.CounterObj)
}

// Clear takes all rules away.
func (f *Filter) Clear() {
	f.t.Helper()
	f.conn.FlushTable(f.table)
	require.NoError(f.t, f.conn.Flush(), "flush table")
}
