// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/impair"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
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
		t.Run(congestion, func(t *testing.T) { // one after the other, for they disturb each other
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

// requireNagle wants all that the second pieces waited to be found as stalls, in each
// exchange. Which of them waited the witness knows: a peer acknowledges the first of all
// requests at once, and a client that loses its CPU between two pieces is acknowledged before
// it writes the second one.
func requireNagle(t *testing.T, path traffic.Path, here func(flow.Key) bool) {
	t.Helper()
	client := role(flow.RoleClient, here)
	prompt := ask(t, path, client, requests, inTwo)
	require.Zero(t, prompt.Stalls, "TCP_NODELAY")
	path.Socket.Nagle = true
	require.Zero(t, ask(t, path, client, requests, inOne).Stalls, "one call")

	a := ask(t, path, client, requests, inTwo)
	for i := range a.waits {
		if w := &a.waits[i]; w.offset%200 == 100 && !w.waiting() {
			t.Logf("a second piece did not wait: %s", w)
		}
	}
	n, us := a.waits.sum()
	require.Equal(t, a.waits.each(requests, 200), a.stalls, "of each exchange")
	require.Equal(t, stalled{n, us}, stalled{a.Stalls, a.StallTime})
	require.Zero(t, a.Corks)
	requireAllWaited(t, &a, a.took-prompt.took)
}

// requireAllWaited wants all second pieces, perhaps not the first, to have waited for as long
// as the client has lost beside one with TCP_NODELAY. On a machine that is busy with something
// else that is not so, and is not asked for: clocks say so that know nothing of TCP.
func requireAllWaited(t *testing.T, a *asked, lost time.Duration) {
	t.Helper()
	n, us := a.waits.sum()
	found := time.Duration(us) * time.Microsecond
	t.Logf("%d of %d waited for %s, the client has lost %s, at most %s in its writes; %s", n, requests, found, lost, a.gap, a.late)
	if !a.late.rest() || a.gap > restWorst {
		t.Logf("busy: all that waited is found, and not asked whether all did")
		require.Greater(t, n, uint64(requests/2), "too busy a machine to tell")
		// A probe of the tail sends the second piece after 200 ms and more: one
		// acknowledgement for both.
		require.LessOrEqual(t, uint64(requests-a.waits.within(200)), a.probes)
		return
	}
	t.Logf("at rest: all have to have waited")
	require.Equal(t, requests, a.waits.within(200), "each first piece is acknowledged by itself")
	require.Contains(t, []uint64{requests - 1, requests}, n)
	require.InEpsilon(t, lost, found, 0.05)
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
			n, _ := a.waits.sum()
			require.Greater(t, n, uint64(requests/2), "too busy a machine to tell")
			require.Equal(t, n, a.Corks)
		})
	}
}
