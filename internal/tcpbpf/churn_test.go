// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	cmdline "flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

var (
	churnNamespaces  = cmdline.Int("churn.namespaces", 24, "network namespaces of TestChurn, one after the other")
	churnConnections = cmdline.Int("churn.connections", 200, "connections in each of them")
)

// TestChurn makes network namespaces, opens and closes connections in each and throws it
// away: what a busy node does in half a day, in as many intervals as namespaces. Counters
// are the applications' and each namespace's own; what the kernel side takes of the
// kernel's memory, and this process of its own, does not grow with what is gone.
func TestChurn(t *testing.T) {
	root.Require(t)
	c := newChurn(t)
	warm := max(1, *churnNamespaces/4)
	var before footprint
	for i := range *churnNamespaces {
		c.live(t, *churnConnections)
		if i+1 == warm {
			before = c.footprint()
		}
	}
	want := uint64(*churnNamespaces * *churnConnections)
	require.Eventually(t, func() bool {
		c.collect(t)
		return c.client.closed() >= want && c.server.closed() >= want
	}, patience, time.Millisecond)
	after := c.footprint()
	t.Logf("%d connections in %d namespaces: at a quarter %v, at the end %v", want, *churnNamespaces, before, after)

	c.requireExact(t, want)
	const slack = 2 << 20 // a million connections leak less than 3 bytes each
	require.Less(t, after.kernel, before.kernel+slack)
	require.Less(t, after.heap, before.heap+slack)
	require.Less(t, after.resident, before.resident+16*slack, "the runtime gives back late")
}

// A churn is a kernel side with a table, and what it has counted.
type churn struct {
	*Kernel
	address        netip.Addr
	budget         *cgroup.Budget
	table          *flow.Table
	client, server sum            // of the kernel side
	clients, peers traffic.Totals // of the applications
	lost           [flow.NumLostReasons]uint64
}

func newChurn(t *testing.T) *churn {
	t.Helper()
	n := rand.Uint32()
	c := &churn{address: netip.AddrFrom4([4]byte{127, 2 + byte(n>>16)%250, byte(n >> 8), 1 + byte(n)%250})}
	c.budget = cgroup.NewBudget(t)
	rule := Rule{CIDRs: []netip.Prefix{netip.PrefixFrom(c.address, 32)}}
	c.budget.Charge(func() { c.Kernel = observe(t, Config{MaxFlows: 65536, Include: []Rule{rule}}).Kernel })
	room := 8 * *churnConnections // each has two flows, which end three intervals later
	c.table = flow.NewTable(flow.Limits{Flows: room, Overflows: 16}, flow.Instant{}, c.Owner)
	return c
}

// live is the life of one namespace, an interval long.
func (c *churn) live(t *testing.T, n int) {
	t.Helper()
	life := &scope{TB: t}
	defer life.end()
	ns := netns.New(life)
	path := traffic.Loopback(ns, c.address.String())
	path.Sources = []netip.Addr{c.address}
	client, server := traffic.Sum(path.ShortConns(t, n, 16))
	c.clients.Connections += client.Connections
	c.clients.Written += client.Written
	c.peers.Written += server.Written

	counted := mib.Read(t, ns)
	require.EqualValues(t, n, counted["ActiveOpens"])
	require.EqualValues(t, n, counted["PassiveOpens"])
	c.collect(t)
}

func (c *churn) collect(t *testing.T) {
	t.Helper()
	report, err := c.Collect(t.Context(), func(d *flow.Delta) {
		more := sumOf(d)
		switch d.Key.Role {
		case flow.RoleClient:
			c.client.add(&more)
		case flow.RoleServer:
			c.server.add(&more)
		}
		c.table.Add(d)
	})
	require.NoError(t, err)
	now := uint64(time.Now().UnixNano())
	report = c.table.Seal(flow.Instant{Wall: now, Boot: now}, report, true)
	c.table.Commit()
	for reason, n := range report.Lost {
		c.lost[reason] += n
	}
}

func (c *churn) requireExact(t *testing.T, want uint64) {
	t.Helper()
	for name, s := range map[string]*sum{"clients": &c.client, "servers": &c.server} {
		require.Equal(t, want, s.Opened, name)
		require.Equal(t, want, s.Closed[flow.CloseFIN], name)
		require.Equal(t, want, s.closed(), name)
	}
	require.Equal(t, want, c.clients.Connections)
	require.Equal(t, [2]uint64{c.clients.Written, c.peers.Written}, c.client.Bytes)
	require.Equal(t, [2]uint64{c.peers.Written, c.clients.Written}, c.server.Bytes)
	require.Zero(t, c.lost[flow.LostOverflow])
	require.Zero(t, c.lost[flow.LostNoStorage])
	require.Zero(t, c.lost[flow.LostDeferred])
}

// A footprint is what is taken, in bytes.
type footprint struct {
	kernel   uint64 // of what is charged to the maps' cgroup: elements, and records in sockets
	heap     uint64 // that is reachable
	resident uint64 // of this process
}

func (c *churn) footprint() footprint {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // what a finalizer of the first one gave up
	runtime.ReadMemStats(&stats)
	var pages, resident uint64
	raw, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		_, _ = fmt.Sscan(string(raw), &pages, &resident)
	}
	return footprint{c.budget.Used(), stats.HeapAlloc, resident * uint64(os.Getpagesize())}
}

func (f footprint) String() string {
	return fmt.Sprintf("kernel %d KiB, heap %d KiB, resident %d KiB", f.kernel>>10, f.heap>>10, f.resident>>10)
}

// A scope ends before its test does.
type scope struct {
	testing.TB
	cleanups []func()
}

// Cleanup calls fn at the end of the scope.
func (s *scope) Cleanup(fn func()) { s.cleanups = append(s.cleanups, fn) }

func (s *scope) end() {
	for _, fn := range slices.Backward(s.cleanups) {
		fn()
	}
}
