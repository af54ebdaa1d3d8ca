// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// refuse connects to a port without a listener; each is a failed connection.
func refuse(t *testing.T, p place, times int) {
	t.Helper()
	for range times {
		attempt(t, p, netip.AddrPortFrom(p.IPv4, 9), unix.ECONNREFUSED)
	}
}

// TestEventsAreLimited refuses more connections than there may be events: what is not
// handed out is counted.
func TestEventsAreLimited(t *testing.T) {
	const limit, refused = 50, 300
	p := newPlace(t)
	k := observe(t, Config{EventLimits: [flow.NumEventKinds]int{limit, 1}, Include: peers(p.IPv4)})
	events := follow(t, k)
	begin := time.Now()
	refuse(t, p, refused)
	seconds := time.Since(begin).Seconds()
	failedTo(k, netip.AddrPortFrom(p.IPv4, 9), refused)

	have := len(rest(t, events))
	drops, err := events.Drops()
	require.NoError(t, err)
	require.Equal(t, refused, have+int(drops.Limited)+int(drops.Full))
	if drops.Full > 0 { // nobody read meanwhile, and it took longer than a second
		require.GreaterOrEqual(t, have, 2*limit, "two seconds have room")
	}
	require.GreaterOrEqual(t, have, limit, "are allowed at once")
	require.LessOrEqual(t, float64(have), limit*(1+seconds)+1, "after %f s", seconds)
}

// TestFullBuffer refuses connections, and nobody reads their events until the first one
// finds no room.
func TestFullBuffer(t *testing.T) {
	p := newPlace(t)
	k := observe(t, Config{EventLimits: [flow.NumEventKinds]int{flow.EventFailed: 170}, Include: peers(p.IPv4)})
	events := follow(t, k)
	var drops flow.EventDrops
	refused := 0
	for deadline := time.Now().Add(patience); drops.Full < 10; refused += 10 {
		require.True(t, time.Now().Before(deadline), "there is still room after %d", refused)
		refuse(t, p, 10)
		var err error
		drops, err = events.Drops()
		require.NoError(t, err)
	}
	all := rest(t, events)
	require.Equal(t, refused, len(all)+int(drops.Limited)+int(drops.Full))
	require.GreaterOrEqual(t, len(all), 2*170, "two seconds have room")
	for i, e := range all[1:] {
		require.Greater(t, e.Time, all[i].Time)
	}
}

// TestEventsAreOffByDefault compares the programs with and without events.
func TestEventsAreOffByDefault(t *testing.T) {
	p := newPlace(t)
	off, on := observe(t, Config{}), observe(t, Config{EventLimits: anEvent})
	events := follow(t, off)
	refuse(t, p, 3)
	failedTo(off, netip.AddrPortFrom(p.IPv4, 9), 3)
	traffic.Loopback(p.NS, p.IPv4.String()).Run(t, 1, traffic.AbortedBy(traffic.Client, 10))
	off.untilClosed(2, p.here())
	require.Empty(t, rest(t, events))
	drops, err := events.Drops()
	require.NoError(t, err)
	require.Zero(t, drops)
	require.EqualValues(t, os.Getpagesize(), off.objects.Events.MaxEntries())
	require.Less(t, instructions(t, off), instructions(t, on))
}

func instructions(t *testing.T, k *collector) int {
	t.Helper()
	info, err := k.objects.programs[ProgramSockOps].Info()
	require.NoError(t, err)
	size, err := info.TranslatedSize()
	require.NoError(t, err)
	return size
}

// TestExcludedIsNoEvent refuses connections to two ports, of which one is left out.
func TestExcludedIsNoEvent(t *testing.T) {
	p := newPlace(t)
	k := observe(t, Config{EventLimits: anEvent, Include: peers(p.IPv4), Exclude: []Rule{{Ports: []uint16{10}}}})
	events := follow(t, k)
	attempt(t, p, netip.AddrPortFrom(p.IPv4, 10), unix.ECONNREFUSED)
	refuse(t, p, 1)
	require.EqualValues(t, 9, next(t, events).Key.RemotePort)
	require.Empty(t, rest(t, events))
}

func TestEventBuffer(t *testing.T) {
	page := uint32(os.Getpagesize())
	require.Equal(t, page, eventBuffer([flow.NumEventKinds]int{}))
	for _, limit := range []int{1, 100, 341, MaxEventLimit} {
		size := eventBuffer([flow.NumEventKinds]int{limit, limit})
		require.GreaterOrEqual(t, size, uint32(2*2*limit*96))
		require.Zero(t, size&(size-1))
		require.Zero(t, size%page)
	}
}

func TestEventPauses(t *testing.T) {
	require.Equal(t, [flow.NumEventKinds]uint64{0, 10_000_000}, eventPauses([flow.NumEventKinds]int{0, 100}))
}
