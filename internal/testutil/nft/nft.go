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
	rules  atomic.Uint32
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

	f := &Filter{t: t, conn: conn}
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
	return f.add(d, matches, nil)
}

// Drop drops at random a share of the segments that match everything, in
// thousandths, and counts what it dropped.
func (f *Filter) Drop(d Direction, permille uint32, matches ...Match) *Rule {
	f.t.Helper()
	return f.add(d, append(matches, random(permille)), []expr.Any{&expr.Verdict{Kind: expr.VerdictDrop}})
}

// add makes one kernel rule for each combination of the matches' alternatives.
// As alternatives exclude each other they can share a counter.
func (f *Filter) add(d Direction, matches []Match, verdict []expr.Any) *Rule {
	f.t.Helper()
	rule := &Rule{filter: f, name: fmt.Sprintf("%s%d", d, f.rules.Add(1))}
	f.conn.AddObj(&nftables.CounterObj{Table: f.table, Name: rule.name})

	tail := append([]expr.Any{&expr.Objref{Type: unix.NFT_OBJECT_COUNTER, Name: rule.name}}, verdict...)
	for _, exprs := range combine(append([]Match{tcp()}, matches...)) {
		f.conn.AddRule(&nftables.Rule{Table: f.table, Chain: f.chains[d], Exprs: append(exprs, tail...)})
	}
	require.NoError(f.t, f.conn.Flush(), "add rule")
	return rule
}

// A Rule counts what matched it.
type Rule struct {
	filter *Filter
	name   string
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
