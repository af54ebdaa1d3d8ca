// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package impair

import (
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// A Config says what happens to the packets of one direction. The zero value
// lets them pass.
type Config struct {
	Delay     time.Duration // at least, of every packet
	Jitter    time.Duration // up to so much more, evenly spread; packets stay in order
	Reorder   int           // thousandths that are late by ReorderBy, overtaken by others
	ReorderBy time.Duration
	Loss      int // thousandths that are dropped
	Seed      uint64
}

// A Link joins two namespaces.
type Link struct {
	A, B netns.Host

	t      testing.TB
	ab, ba *direction
	stop   int // event descriptor, readable when the link has ended
	group  sync.WaitGroup
}

// New makes two namespaces and the link between them, which ends with the test.
func New(t testing.TB, aToB, bToA Config, options ...netns.Option) *Link {
	t.Helper()
	l := &Link{
		A: netns.Host{
			NS: netns.New(t, options...), Link: "tun-a",
			IPv4: netip.MustParseAddr("198.51.100.1"), IPv6: netip.MustParseAddr("2001:db8:1::1"),
		},
		B: netns.Host{
			NS: netns.New(t, options...), Link: "tun-b",
			IPv4: netip.MustParseAddr("198.51.100.2"), IPv6: netip.MustParseAddr("2001:db8:1::2"),
		},
		t: t,
	}
	a, b := openTUN(t, l.A), openTUN(t, l.B)
	stop, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	require.NoError(t, err)
	l.stop = stop
	l.ab, l.ba = newDirection(aToB, a, b, stop), newDirection(bToA, b, a, stop)

	for _, d := range []*direction{l.ab, l.ba} {
		l.group.Go(func() {
			// Never unlocked: its timers are more exact than other threads'.
			runtime.LockOSThread()
			d.err = d.run()
		})
	}
	t.Cleanup(func() {
		l.end()
		_, _, _ = unix.Close(a), unix.Close(b), unix.Close(stop)
	})
	return l
}

// Hold lets packets of both directions that arrive from now on wait, until a time has passed.
func (l *Link) Hold(d time.Duration) {
	until := time.Now().Add(d).UnixNano()
	l.ab.held.Store(until)
	l.ba.held.Store(until)
}

// end stops both directions. Packets still under way are lost.
func (l *Link) end() {
	l.t.Helper()
	_, err := unix.Write(l.stop, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	require.NoError(l.t, err)
	l.group.Wait()
	require.NoError(l.t, l.ab.err, "%s to %s", l.A.Link, l.B.Link)
	require.NoError(l.t, l.ba.err, "%s to %s", l.B.Link, l.A.Link)
}

// Stats returns what the link did to each direction. It fails the test if a
// device dropped packets that the link never saw.
func (l *Link) Stats() (aToB, bToA Stats) {
	l.t.Helper()
	for _, host := range []netns.Host{l.A, l.B} {
		link, err := host.Netlink().LinkByName(host.Link)
		require.NoError(l.t, err)
		require.Zero(l.t, link.Attrs().Statistics.TxDropped, "packets dropped before %s", host.Link)
	}
	return l.ab.snapshot(), l.ba.snapshot()
}
