// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/impair"
	"github.com/tcpwhy/tcpwhy/internal/testutil/rttlog"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestDelay puts a delay on the path of requests and responses: no round trip takes less,
// and none longer than its application waited, from before it wrote to after it had read.
// How much later than the delay that is, is the machine's affair.
func TestDelay(t *testing.T) {
	const rounds = 20
	for _, delay := range []time.Duration{10 * time.Millisecond, 40 * time.Millisecond, 100 * time.Millisecond} {
		t.Run(delay.String(), func(t *testing.T) {
			half := impair.Config{Delay: delay / 2}
			link := newLink(t, half, half)
			k := observe(t, Config{Granularity: GranularityConnection})
			log := rttlog.Start(t, cgroup.Root(t), link.A.NS)
			begin := time.Now()
			d := converse(t, k, traffic.Between(link.A.NS, link.B.NS, link.B.IPv4), at(link.A.IPv4))
			clients := make(trips)
			requireWithin(t, clients, d, delay, time.Since(begin)) // the SYN
			for range rounds {
				begin := time.Now()
				exchange(t, d.client, d.server)
				requireWithin(t, clients, d, delay, time.Since(begin))
			}
			want := logged(log.Samples(), GranularityConnection)[portsOf(d.client)]
			have := clients.of(portsOf(d.client))
			require.Equal(t, want.RTT, have.RTT)
			require.Equal(t, want.Variation, have.Variation)
		})
	}
}

// requireWithin collects one interval, with one round trip of the client. What was sent
// again, because the machine was slow, has none.
func requireWithin(t *testing.T, all trips, d *dialogue, least, most time.Duration) {
	t.Helper()
	before := *all.of(portsOf(d.client))
	all.collect(d.k, role(flow.RoleClient, d.match))
	after := *all.of(portsOf(d.client))
	n := after.RTT.samples() - before.RTT.samples()
	if n == 0 {
		require.NotZero(t, d.client.Info(t).Total_retrans)
		return
	}
	require.EqualValues(t, 1, n)
	rtt := time.Duration(after.RTT.Sum-before.RTT.Sum) * time.Microsecond
	require.GreaterOrEqual(t, rtt, least)
	require.LessOrEqual(t, rtt, most+time.Microsecond) // each end of it is rounded
}
