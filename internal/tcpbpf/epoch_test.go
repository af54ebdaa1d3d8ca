// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// sweptAgo has the last sweep begun so long ago.
func (e *epoch) sweptAgo(gap time.Duration) {
	e.started = ticks() - int64(gap)>>14
	e.now.Started = uint32(e.started)
}

// gaps are on both sides of what 32 bits of ticks tell apart: 9 h 46 min are half of them.
var gaps = []time.Duration{8 * time.Hour, 10 * time.Hour, 19 * time.Hour, 20 * time.Hour, 30 * time.Hour, 1000 * time.Hour}

// TestLongAfterTheLastSweep gives connections that come then no time but their own.
func TestLongAfterTheLastSweep(t *testing.T) {
	place := newPlace(t)
	observers := map[string]func() *collector{
		"of records": func() *collector { return observe(t, Config{}) },
		"of files":   func() *collector { k, _ := observeFiles(t); return k },
	}
	for name, observer := range observers {
		k := observer()
		for _, gap := range gaps {
			k.epoch.sweptAgo(gap)
			begin, listener := time.Now(), addressOf(place.Listen(netip.AddrPortFrom(place.IPv4, 0).String()))
			client, err := place.Dial(listener.String())
			require.NoError(t, err)
			k.collect()
			took := time.Since(begin)
			require.NoError(t, client.Close())

			s := k.sum(role(flow.RoleClient, to(listener)))
			require.EqualValues(t, 1, s.Opened, "%s, %s later", name, gap)
			require.LessOrEqual(t, s.wall(), uint64(took)+1<<14, "%s, %s later", name, gap)
			require.Less(t, k.epoch.started, ticks()+1, "it has begun")
			require.Less(t, ticks()-k.epoch.started, int64(time.Since(begin))>>14+1, "and not long ago")
		}
	}
}

// TestASweepThatIsYetToBeginHeedsItsContext: nobody but the clock ends that else.
func TestASweepThatIsYetToBeginHeedsItsContext(t *testing.T) {
	e := &epoch{started: ticks() + 1<<40}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, e.begun(ctx), context.Canceled)
	e.started = ticks()
	require.NoError(t, e.begun(ctx), "it has begun")
}
