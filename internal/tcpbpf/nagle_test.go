// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/impair"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/rttlog"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// requests is how many a client makes, one after the other.
const requests = 60

// Ways to write a request of 200 bytes. The answer has 100.
var (
	inTwo = []traffic.Step{write(100), write(100), read(100)}
	inOne = []traffic.Step{{Verb: traffic.Gather, Bytes: 200}, read(100)}
)

// TestNagle writes requests in two pieces. The second one waits for the peer's
// delayed acknowledgement of the first, unless the client knows better.
func TestNagle(t *testing.T) {
	for _, congestion := range congestionControls(t) {
		t.Run(congestion, func(t *testing.T) {
			t.Parallel()
			place := newPlace(t, netns.CongestionControl(congestion))
			requireNagle(t, traffic.Loopback(place.NS, place.IPv4.String()), place.here())
		})
	}
}

// TestNagleOnALongPath waits for the path as well: none of that is a round trip of
// it. Without a second piece nothing waits.
func TestNagleOnALongPath(t *testing.T) {
	half := impair.Config{Delay: 20 * time.Millisecond}
	for _, congestion := range congestionControls(t) {
		t.Run(congestion, func(t *testing.T) {
			t.Parallel()
			link := newLink(t, half, half, netns.CongestionControl(congestion))
			requireNagle(t, traffic.Between(link.A.NS, link.B.NS, link.B.IPv4), at(link.A.IPv4))
		})
	}
}

// requireNagle wants all that the second pieces waited to be found as stalls. The
// first of all requests may not wait: a peer acknowledges that at once.
func requireNagle(t *testing.T, path traffic.Path, here func(flow.Key) bool) {
	t.Helper()
	client := role(flow.RoleClient, here)
	require.Zero(t, ask(t, path, client, requests, inTwo).Stalls, "TCP_NODELAY")
	path.Socket.Nagle = true
	require.Zero(t, ask(t, path, client, requests, inOne).Stalls, "one call")

	a := ask(t, path, client, requests, inTwo)
	found := time.Duration(a.StallTime) * time.Microsecond
	t.Logf("%d stalls, %s of %s lost", a.Stalls, found, a.lost)
	require.Contains(t, []uint64{requests - 1, requests}, a.Stalls)
	require.InEpsilon(t, a.lost, found, 0.05)
	require.Zero(t, a.Corks)
}

// TestCork tells apart what waits because the client wants it to: what is written
// while the cork is in, behind a piece that is on its way.
func TestCork(t *testing.T) {
	for _, congestion := range cubicAndBBR(t) {
		t.Run(congestion, func(t *testing.T) {
			t.Parallel()
			place := newPlace(t, netns.CongestionControl(congestion))
			path := traffic.Loopback(place.NS, place.IPv4.String())
			path.Socket.Nagle = true
			a := ask(t, path, role(flow.RoleClient, place.here()), requests, []traffic.Step{
				write(100), {Verb: traffic.Cork}, write(100), read(100), {Verb: traffic.Uncork},
			})
			require.Zero(t, a.Stalls)
			require.Zero(t, a.StallTime)
			require.Contains(t, []uint64{requests - 1, requests}, a.Corks)
		})
	}
}

// asked is what was observed of a client, and by how much the second half of its
// requests came later than the first.
type asked struct {
	sum
	lost time.Duration
}

// ask makes n requests on one connection, each written and its answer read by the
// client's round. Each sample of the kernel is a stall or in the histogram.
func ask(t *testing.T, path traffic.Path, client func(flow.Key) bool, n int, round []traffic.Step) (a asked) {
	t.Helper()
	k := observe(t, Config{})
	log := rttlog.Start(t, cgroup.Root(t), path.Client)
	d := converse(t, k, path, client)
	var clients errgroup.Group
	clients.Go(func() error { return d.client.Try(slices.Concat(slices.Repeat(round, n), []traffic.Step{finish})...) })
	for range n {
		d.servers(read(100))
		half := time.Now()
		d.servers(read(100))
		a.lost += time.Since(half)
		d.servers(write(100))
	}
	require.NoError(t, clients.Wait())
	d.gone(flow.RoleClient)

	a.sum = k.sum(client)
	var trips, time uint64
	for _, s := range log.Samples() {
		if s.LocalPort == d.client.End().Local.Port() && counts(s) {
			trips++
			time += uint64(s.RttUs)
		}
	}
	require.Equal(t, trips, a.RTT+a.Stalls)
	require.Equal(t, time, a.RTTTime+a.StallTime)
	return a
}
