// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/stall"
)

// TestEpochWaitsForPrograms begins an epoch while a program still runs that may have
// seen the old one: only when it has ended nobody writes to the old maps any more.
func TestEpochWaitsForPrograms(t *testing.T) {
	group := cgroup.New(t)
	group.Add(os.Getpid())
	place := newPlace(t)
	k := observe(t, Config{Cgroup: group.Path})
	program := stall.Connect(t, group.Path)
	address := place.Listen(place.IPv4.String() + ":0").Addr().String()

	program.Arm()
	var client errgroup.Group
	client.Go(func() error {
		conn, err := place.Dial(address)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	require.Eventually(t, program.Held, patience, 100*time.Microsecond)
	require.NoError(t, k.epoch.next())
	require.True(t, program.Over(), "a program of the old epoch still runs")
	require.NoError(t, client.Wait())
}

// A rebirth is a socket whose connection ends and begins anew, from the same port to the
// same listener, while a sweep is looking at it.
type rebirth struct {
	t        *testing.T
	k        *collector
	listener *net.TCPListener
	plug     plug
}

// TestReconnectWithinAVisit stops the sweep after it has read a socket's totals, lets
// the socket live once more, and the sweep go on: what it has read is of the first
// life, which is folded already.
func TestReconnectWithinAVisit(t *testing.T) {
	const bytes = 1000
	for attempt := 1; ; attempt++ {
		r := newRebirth(t, bytes)
		timely := r.interrupt()
		r.drain()
		s := r.k.sum(to(addressOf(r.listener)))
		require.EqualValues(t, 1, s.Opened)
		require.Zero(t, s.Live, "began after its visit")
		require.Equal(t, [2]uint64{bytes, 0}, s.Bytes)

		r.end(bytes)
		s = r.k.sum(to(addressOf(r.listener)))
		require.EqualValues(t, 2, s.Opened)
		require.EqualValues(t, 2, s.Closed[flow.CloseResetSent])
		require.Equal(t, [2]uint64{2 * bytes, 0}, s.Bytes)
		if timely {
			return
		}
		require.Less(t, attempt, 10, "the socket is never connected again in time")
	}
}

// newRebirth connects the socket, which sends so many bytes. Only this end of the
// connection is observed, so no other socket gets a flow.
func newRebirth(t *testing.T, bytes int) *rebirth {
	t.Helper()
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityConnection, Include: []Rule{
		{CIDRs: []netip.Prefix{netip.PrefixFrom(p.IPv4, 32)}}}})
	r := &rebirth{t: t, k: k, listener: p.Listen(p.IPv4.String() + ":0"), plug: newPlug(t, p.NS)}
	require.NoError(t, r.plug.bind(netip.MustParseAddrPort("127.0.0.1:1000")))
	require.NoError(t, r.plug.connect(addressOf(r.listener)))
	require.NoError(t, r.plug.write(bytes))
	r.plug.quiet()
	k.collect()
	return r
}

// interrupt sweeps. The first look in an epoch gives the socket a flow. A new map holds
// one for each CPU; as soon as that is taken, the kernel makes more, in an interrupt of the
// sweep. It reports whether the socket began anew in that moment.
func (r *rebirth) interrupt() (timely bool) {
	r.t.Helper()
	thread, begin, swept := make(chan int), make(chan struct{}), make(chan error, 1)
	go func() {
		swept <- stall.OnCPU(0, func() error {
			thread <- unix.Gettid()
			<-begin
			return r.k.Sweep(context.Background())
		})
	}()
	const head = 128 // of an element, at most
	size := uint32(unsafe.Sizeof(tcpwhyFlow{}))
	sweep := stall.Allocation(r.t, <-thread, size, size+head)
	sweep.Arm()
	close(begin)
	require.NoError(r.t, stall.OnCPU(1, func() error {
		for !sweep.Held() && len(swept) == 0 {
			runtime.Gosched()
		}
		err := errors.Join(r.plug.disconnect(), r.plug.connect(addressOf(r.listener)))
		timely = sweep.Disarm() && !sweep.Over()
		sweep.Release()
		return err
	}))
	require.NoError(r.t, <-swept)
	return timely
}

// end ends the second life.
func (r *rebirth) end(bytes int) {
	r.t.Helper()
	require.NoError(r.t, r.plug.write(bytes))
	r.plug.quiet()
	require.NoError(r.t, r.plug.disconnect())
	r.k.collect()
}

// drain takes what this sweep has put into the maps, without another one.
func (r *rebirth) drain() {
	r.t.Helper()
	for _, s := range r.k.sums {
		s.Live = [flow.NumStates]uint64{}
	}
	odd := r.k.epoch.odd()
	require.NoError(r.t, r.k.epoch.next())
	require.NoError(r.t, r.k.drain.run(odd, r.k.epoch.now.Sweep, r.k.add))
}
