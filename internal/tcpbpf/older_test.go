// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net/netip"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/namespace"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/kernel"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestOlderOfCgroup adopts what belongs to the observed cgroup, held or not.
func TestOlderOfCgroup(t *testing.T) {
	p, group := newPlace(t), cgroup.New(t)
	inside, outside := newPuppet(t, p, "inside"), newPuppet(t, p, "outside")
	group.Add(int(inside.PID))
	address := inside.do("listen", p.IPv4.String()+":0", 0).Address
	outside.do("connect", address, 2)
	inside.do("accept", "", 1) // and leave the other one
	k := observe(t, Config{Cgroup: group.Path, Granularity: GranularityConnection})
	k.collect()
	require.Empty(t, k.keys(role(flow.RoleClient, p.here())))
	keys := k.keys(role(flow.RoleServer, p.here()))
	require.Len(t, keys, 2)
	for _, key := range keys {
		require.Equal(t, inside.PID, key.Owner.PID())
	}
}

// TestOlderFiltered adopts what the configuration observes, by port, address and name.
func TestOlderFiltered(t *testing.T) {
	in, out := play(t, 2), play(t, 2)
	port := netip.MustParseAddrPort(out.address).Port()
	for name, cfg := range map[string]Config{
		"included by address": {Include: only(in.place)},
		"excluded by port":    {Exclude: []Rule{{Ports: []uint16{port}}}},
		"excluded by both":    {Include: only(in.place), Exclude: only(out.place)},
	} {
		t.Run(name, func(t *testing.T) {
			k := observe(t, cfg)
			k.collect()
			require.Empty(t, k.keys(out.here()))
			require.EqualValues(t, 2, total(k.sumOf(role(flow.RoleClient, in.here())).Live[:]))
		})
	}
	t.Run("excluded by name", func(t *testing.T) {
		k := observe(t, Config{Exclude: []Rule{{Processes: []string{"older-s*"}}}})
		k.collect()
		require.Empty(t, k.keys(role(flow.RoleServer, in.here())))
		require.EqualValues(t, 2, total(k.sumOf(role(flow.RoleClient, in.here())).Live[:]))
	})
}

// TestOlderConnecting meets clients between their SYN and its answer.
func TestOlderConnecting(t *testing.T) {
	client, server := newHiddenPair(t)
	newPuppet(t, place{NS: client.NS}, "inhabitant") // leads to the namespace
	link := wire{t, client, server}
	listener, closed := server.Listen(server.IPv4.String()+":0"), server.Listen(server.IPv4.String()+":0")
	require.NoError(t, closed.Close())
	link.cut()
	from := place{NS: client.NS}
	established, refused := newNonblocking(t, from), newNonblocking(t, from)
	require.ErrorIs(t, established.connect(addressOf(listener)), unix.EINPROGRESS)
	require.ErrorIs(t, refused.connect(addressOf(closed)), unix.EINPROGRESS)
	k := observe(t, Config{})
	link.join()
	established.in(unix.BPF_TCP_ESTABLISHED)
	refused.in(unix.BPF_TCP_CLOSE)
	k.until(func() bool { return k.sumOf(to(addressOf(listener))).Opened == 1 })
	s := k.sum(to(addressOf(listener)))
	require.Zero(t, s.Setups, "nobody knows when the first SYN was sent")
	require.Equal(t, uint32(os.Getpid()), k.keys(to(addressOf(listener)))[0].Owner.PID())
	k.collect()
	if callbacksOfOlder(t) {
		require.EqualValues(t, 1, k.sumOf(to(addressOf(closed))).Failed[flow.FailureRefused], "while it is still open")
	}
	require.NoError(t, refused.file.Close())
	k.until(func() bool { return total(k.sumOf(to(addressOf(closed))).Failed[:]) == 1 })
}

// TestOlderRetransmissions are of known kinds.
func TestOlderRetransmissions(t *testing.T) {
	kernel.Require(t, kernel.CallbackFlags)
	client, server := newHiddenPair(t)
	newPuppet(t, place{NS: client.NS}, "inhabitant") // leads to the namespace
	from, to := traffic.Between(client.NS, server.NS, server.IPv4).Open(t)
	exchange(t, from, to)
	k := observe(t, Config{Granularity: GranularityConnection})
	before := from.Info(t).Total_retrans
	nft.New(t, server.NS).Drop(nft.Input, 100, nft.Data())
	done := make(chan struct{})
	go func() {
		defer close(done)
		to.Act(t, read(1_000_000))
	}()
	from.Act(t, write(1_000_000), flush)
	<-done
	k.collect()
	s := k.sum(ofEnd(from.End()))
	require.NotZero(t, s.Retransmits)
	require.EqualValues(t, from.Info(t).Total_retrans-before, s.Retransmits)
	require.Zero(t, s.Kinds[flow.RetransmitUnknown])
	require.NotZero(t, s.Episodes)
}

// TestOlderAtOnePort has two processes listen at one address.
func TestOlderAtOnePort(t *testing.T) {
	p := newPlace(t)
	one, two := newPuppet(t, p, "one"), newPuppet(t, p, "two")
	address := one.do("listen shared", p.IPv4.String()+":0", 0).Address
	two.do("listen shared", address, 0)
	client := newPuppet(t, p, "client")
	held := make(map[netip.AddrPort]uint32) // by client
	for len(held) < 20 {
		client.do("connect", address, 1)
		end := client.do("ends", "", 0).Ends[len(held)].Local
		held[end] = 0
	}
	for _, u := range []*puppet{one, two} {
		u.do("accept all", "", 0)
		for _, end := range u.ends() {
			held[end.Remote] = u.PID
		}
	}
	k := observe(t, Config{Granularity: GranularityConnection})
	k.collect()
	keys := k.keys(role(flow.RoleServer, p.here()))
	require.Len(t, keys, len(held))
	for _, key := range keys {
		require.Equal(t, held[netip.AddrPortFrom(key.Remote, key.RemotePort)], key.Owner.PID())
	}
}

// TestEachNamespaceOnce looks for descriptors and threads that stay, and for errors of
// namespaces that come and go.
func TestEachNamespaceOnce(t *testing.T) {
	p := newPlace(t)
	u := newPuppet(t, p, "inhabitant")
	threads := func() int {
		entries, err := os.ReadDir("/proc/self/task")
		require.NoError(t, err)
		return len(entries)
	}
	descriptors := countDescriptors(t)
	most := threads() + 3 // the runtime keeps some
	for range 20 {
		been := make(map[uint64]int)
		_, err := namespace.Each(namespace.OfThreads, namespace.Everything, func(uint64) error {
			var stat unix.Stat_t
			err := unix.Stat("/proc/thread-self/ns/net", &stat)
			been[stat.Ino]++
			return err
		})
		require.NoError(t, err)
		require.Equal(t, 1, been[p.Inode()])
		for inode, n := range been {
			require.Equal(t, 1, n, "namespace %d", inode)
		}
		require.Equal(t, descriptors, countDescriptors(t))
	}
	require.Eventually(t, func() bool { return threads() <= most }, patience, 1e6)
	u.end()

	stop, done := make(chan struct{}), make(chan error)
	go func() { done <- comeAndGo(stop) }()
	for range 20 {
		_, err := namespace.Each(namespace.OfThreads, namespace.Everything, func(uint64) error { return nil })
		require.NoError(t, err)
	}
	close(stop)
	require.NoError(t, <-done)
}

// comeAndGo starts processes in namespaces of their own.
func comeAndGo(stop chan struct{}) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		attr := &os.ProcAttr{Sys: &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}}
		process, err := os.StartProcess(program, []string{program, "-test.list=^$"}, attr)
		if err != nil {
			return err
		}
		if _, err := process.Wait(); err != nil {
			return err
		}
	}
}
