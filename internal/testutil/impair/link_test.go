// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package impair_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/impair"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func TestDelayIsNeverLess(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Millisecond, 10 * time.Millisecond} {
		link := impair.New(t, impair.Config{Delay: delay}, impair.Config{Delay: delay})
		client, server := open(t, link, link.B.IPv4)

		var trips []time.Duration
		for range 50 {
			start := time.Now()
			client.Act(t, traffic.Step{Verb: traffic.Write, Bytes: 1})
			server.Act(t, traffic.Step{Verb: traffic.Read, Bytes: 1}, traffic.Step{Verb: traffic.Write, Bytes: 1})
			client.Act(t, traffic.Step{Verb: traffic.Read, Bytes: 1})
			trips = append(trips, time.Since(start))
		}
		slices.Sort(trips)
		require.GreaterOrEqual(t, trips[0], 2*delay)
		require.GreaterOrEqual(t, time.Duration(client.Info(t).Min_rtt)*time.Microsecond, 2*delay)

		out, back := link.Stats()
		require.GreaterOrEqual(t, slices.Min(out.Lateness), time.Duration(0))
		require.GreaterOrEqual(t, out.Data, uint64(50))
		t.Logf("delay %v: lateness %v out, %v back; round trip %v to %v, median %v",
			delay, out.Median(), back.Median(), trips[0], trips[49], trips[25])
	}
}

func TestHeldPacketsWait(t *testing.T) {
	link := impair.New(t, impair.Config{}, impair.Config{})
	client, server := open(t, link, link.B.IPv4)
	start := time.Now()
	link.Hold(50 * time.Millisecond)
	client.Act(t, traffic.Step{Verb: traffic.Write, Bytes: 1})
	server.Act(t, traffic.Step{Verb: traffic.Read, Bytes: 1})
	require.GreaterOrEqual(t, time.Since(start), 50*time.Millisecond)
}

func TestDroppedIsWhatIsMissing(t *testing.T) {
	config := impair.Config{Delay: time.Millisecond, Loss: 20, Seed: 1}
	link := impair.New(t, config, impair.Config{}, netns.CongestionControl("reno"))
	for _, address := range []netip.Addr{link.B.IPv4, link.B.IPv6} {
		before, _ := link.Stats()
		truth := stream(t, link, address)
		out, _ := link.Stats()

		dropped := out.DroppedData - before.DroppedData
		require.NotZero(t, dropped)
		require.EqualValues(t, truth.Client.Info.Data_segs_out-truth.Server.Info.Data_segs_in, dropped)
		require.EqualValues(t, truth.Client.Info.Data_segs_out, out.Data-before.Data)
	}
}

func TestJitterKeepsOrder(t *testing.T) {
	link := impair.New(t, impair.Config{Jitter: 2 * time.Millisecond}, impair.Config{})
	truth := stream(t, link, link.B.IPv4)
	require.Zero(t, truth.Server.Info.Rcv_ooopack)
	require.Zero(t, truth.Client.Info.Total_retrans)
}

func TestReorderOvertakes(t *testing.T) {
	config := impair.Config{Delay: time.Millisecond, Reorder: 10, ReorderBy: time.Millisecond}
	link := impair.New(t, config, impair.Config{})
	truth := stream(t, link, link.B.IPv4)
	require.NotZero(t, truth.Server.Info.Rcv_ooopack)
	require.Eventually(t, func() bool {
		out, _ := link.Stats()
		return out.Late > 0 && out.Packets == out.Released
	}, time.Minute, time.Millisecond, "packets neither dropped nor released")
}

func TestEndsAtOnceWithPacketsUnderWay(t *testing.T) {
	start := time.Now()
	t.Run("inner", func(t *testing.T) {
		link := impair.New(t, impair.Config{Delay: time.Hour}, impair.Config{})
		knock(t, link)
		require.Eventually(t, func() bool {
			out, _ := link.Stats()
			return out.Packets > 0
		}, time.Minute, time.Millisecond)
	})
	require.Less(t, time.Since(start), time.Minute)
}

// knock sends a SYN and does not wait for the answer.
func knock(t *testing.T, link *impair.Link) {
	t.Helper()
	link.A.Do(func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, unix.Close(fd)) })
		require.ErrorIs(t, unix.Connect(fd, &unix.SockaddrInet4{Port: 1, Addr: link.B.IPv4.As4()}), unix.EINPROGRESS)
	})
}

func open(t *testing.T, link *impair.Link, address netip.Addr) (client, server *traffic.Conn) {
	t.Helper()
	return traffic.Between(link.A.NS, link.B.NS, address).Open(t)
}

func stream(t *testing.T, link *impair.Link, address netip.Addr) traffic.Truth {
	t.Helper()
	return traffic.Between(link.A.NS, link.B.NS, address).Run(t, 1, traffic.Stream(3_000_000))[0]
}
