// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/impair"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// A limit is what a client has to wait for, most of the time.
type limit struct {
	receive, send int // buffers
	act           func(client *traffic.Conn) error
	most          flow.Phase
}

// TestPhases compares phases with what the client's socket says, and with the time
// that went by. How long a client waits for the network besides is the machine's affair,
// and BBR's, so it has five attempts to wait for what it should.
func TestPhases(t *testing.T) {
	for name, test := range map[string]limit{
		"nothing to send":   {act: seldom, most: flow.PhaseIdle},
		"the network":       {act: write20MB, most: flow.PhaseNetworkLimited},
		"the peer's window": {receive: small, act: write800kB, most: flow.PhaseReceiveWindowLimited},
		"the send buffer":   {send: small, act: write5MB, most: flow.PhaseSendBufferLimited},
	} {
		for _, congestion := range congestionControls(t) {
			t.Run(name+", "+congestion, func(t *testing.T) {
				t.Parallel()
				for attempt := 1; !test.holds(t, netns.CongestionControl(congestion)); attempt++ {
					require.Less(t, attempt, 5)
				}
			})
		}
	}
}

func write800kB(c *traffic.Conn) error { return c.Try(write(800_000)) }
func write5MB(c *traffic.Conn) error   { return c.Try(write(5_000_000)) }
func write20MB(c *traffic.Conn) error  { return c.Try(write(20_000_000)) }

// seldom writes a little now and then.
func seldom(client *traffic.Conn) error {
	for range 5 {
		if err := client.Try(write(1)); err != nil {
			return err
		}
		time.Sleep(400 * time.Millisecond)
	}
	return nil
}

// pace is a rate that no limit here comes near to, bytes per second. As a network
// interface would, it has the kernel send a little later than applications write:
// only then does it look whether a buffer is full.
const pace = 20_000_000

// holds reports whether the client had to wait for that for more than a quarter of the time.
func (l limit) holds(t *testing.T, options ...netns.Option) bool {
	t.Helper()
	half := impair.Config{Delay: 20 * time.Millisecond}
	link := newLink(t, half, half, options...)
	path := traffic.Between(link.A.NS, link.B.NS, link.B.IPv4)
	path.Socket.ReceiveBuffer, path.Socket.SendBuffer = l.receive, l.send
	k := observe(t, Config{})
	begin := time.Now()
	d := converse(t, k, path, at(link.A.IPv4))
	opened := time.Now()
	d.client.Set(t, unix.SOL_SOCKET, unix.SO_MAX_PACING_RATE, pace)
	var closing time.Time
	d.both(time.Second, func() error { defer func() { closing = time.Now() }(); return l.act(d.client) })
	k.untilClosed(2, d.match)

	s := k.sum(role(flow.RoleClient, d.match))
	requireTold(t, d.client, &s)
	require.GreaterOrEqual(t, s.Lifetime, uint64(closing.Sub(opened).Microseconds()))
	require.LessOrEqual(t, s.Lifetime, uint64(time.Since(begin).Microseconds()))
	for _, r := range []flow.Role{flow.RoleClient, flow.RoleServer} {
		s := k.sum(role(r, d.match))
		require.InEpsilon(t, s.Lifetime*1000, s.wall(), 0.02)
	}
	return s.Time[l.most] > s.wall()/4
}

// both has the client act and both ends close in order, while each interval ends.
func (d *dialogue) both(interval time.Duration, act func() error) {
	d.t.Helper()
	var ends errgroup.Group
	ends.Go(func() error {
		if err := act(); err != nil {
			return err
		}
		return d.client.Try(shut, hear, await)
	})
	ends.Go(func() error { return d.server.Try(hear, shut, await) })
	done := make(chan error)
	go func() { done <- ends.Wait() }()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			d.k.collect()
		case err := <-done:
			require.NoError(d.t, err)
			return
		}
	}
}

// requireTold compares phases with what a closed socket says: its busy time has the
// other two in it.
func requireTold(t *testing.T, c *traffic.Conn, s *sum) {
	t.Helper()
	info := c.Info(t)
	t.Logf("%d ns, busy for %d µs, of these limited %d by the window, %d by the buffer",
		s.Time, info.Busy_time, info.Rwnd_limited, info.Sndbuf_limited)
	require.Equal(t, info.Rwnd_limited*1000, s.Time[flow.PhaseReceiveWindowLimited])
	require.Equal(t, info.Sndbuf_limited*1000, s.Time[flow.PhaseSendBufferLimited])
	busy := s.wall() - s.Time[flow.PhaseIdle]
	require.Equal(t, info.Busy_time*1000, busy)
}
