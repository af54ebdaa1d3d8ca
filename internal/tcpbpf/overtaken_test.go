// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/expiry"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// overdue is the age of a segment that is taken for lost as soon as a later one has come, in
// milliseconds:
// more than a round trip, and less than until it is sent again.
const overdue = 20

// TestProbeOfRecovery has a segment overtake another one, which waits in the host's own queue:
// it is known to be missing, but cannot be sent again as long as it is there. The timer of a
// loss probe, which was set before, runs out meanwhile.
func TestProbeOfRecovery(t *testing.T) {
	for _, congestion := range congestionControls(t) {
		t.Run(congestion, func(t *testing.T) {
			t.Parallel()
			client, server := newPair(t, netns.CongestionControl(congestion), netns.Sysctl("net.ipv4.tcp_autocorking", "0"))
			expiries := expiry.Watch(t, cgroup.Root(t))
			k := observe(t, Config{Granularity: GranularityConnection, Include: ofHosts(client, server)})
			here := at(client.IPv4)
			d := converse(t, k, traffic.Between(client.NS, server.NS, server.IPv4), here)
			end := jam(t, client, server.IPv4)
			spend(t, client, server)
			d.client.Set(t, unix.SOL_SOCKET, unix.SO_MARK, astray)
			d.clients(write(segment))
			d.client.Set(t, unix.SOL_SOCKET, unix.SO_MARK, 0)
			require.Eventually(t, func() bool { return d.client.Info(t).Last_data_sent >= overdue }, patience, time.Millisecond)
			d.clients(write(segment))
			require.Eventually(t, func() bool { return mib.Read(t, client.NS)["TCPLossProbes"] > 0 }, patience, time.Millisecond)
			end()
			d.clients(finish)
			d.servers(hear, finish)
			k.untilClosed(2, here)

			counted, s := mib.Read(t, client.NS), k.sum(role(flow.RoleClient, here))
			requireKinds(t, &s, counted, flow.RoleClient, expiries.Idle(client.NS))
			require.EqualValues(t, 1, s.Kinds[flow.RetransmitTailLossProbe])
		})
	}
}
