// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package rttlog_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/rttlog"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

func TestMain(m *testing.M) {
	traffic.Child()
	goleak.VerifyTestMain(m)
}

// TestEachRoundTrip compares the log with what the kernel tells the application
// after each round trip.
func TestEachRoundTrip(t *testing.T) {
	ns := netns.New(t)
	log := rttlog.Start(t, cgroup.Root(t), ns)
	client, server := traffic.Loopback(ns, "127.0.0.1").Open(t)

	const rounds = 20
	type reading struct{ rttvar, rcvWnd, sndWnd uint32 }
	var want []reading
	for range rounds {
		// Nothing follows the acknowledgement that could change the readings.
		client.Act(t, traffic.Step{Verb: traffic.Write, Bytes: 100}, traffic.Step{Verb: traffic.Flush})
		info := client.Info(t)
		want = append(want, reading{info.Rttvar, info.Rcv_wnd, info.Snd_wnd})
		server.Act(t, traffic.Step{Verb: traffic.Read, Bytes: 100})
	}

	of := map[uint8][]rttlog.Sample{}
	for _, sample := range log.Samples() {
		if sample.LocalPort == client.End().Local.Port() {
			require.EqualValues(t, ns.Inode(), sample.Netns)
			require.Equal(t, client.End().Remote.Port(), sample.RemotePort)
			of[sample.Op] = append(of[sample.Op], sample)
		}
	}
	require.Len(t, of[rttlog.ActiveEstablished], 1)
	require.Len(t, of[rttlog.RTT], rounds)
	for i, sample := range of[rttlog.RTT] {
		require.EqualValues(t, 1, sample.State, "ESTABLISHED")
		require.NotZero(t, sample.RttUs)
		require.Equal(t, want[i].rttvar, sample.VariationUs)
		require.Equal(t, want[i].sndWnd, sample.SndWnd)
		if want[i].rcvWnd != 0 { // not told before 6.2
			require.Equal(t, want[i].rcvWnd, sample.RcvWnd)
		}
	}
	first := of[rttlog.ActiveEstablished][0]
	require.Equal(t, first.RttUs/2, first.VariationUs, "the first variation is half of the first sample")
	require.Equal(t, first.RttUs, of[rttlog.RTT][0].SrttUs)
}

// TestTwoLogsAgree shows that a log has what belongs to its cgroup and
// namespace, and that a second program on the way takes nothing from it.
func TestTwoLogsAgree(t *testing.T) {
	ns, other := netns.New(t), netns.New(t)
	group := cgroup.New(t)
	ofGroup, ofAll := rttlog.Start(t, group.Path, ns), rttlog.Start(t, cgroup.Root(t), ns)
	inside, outside := traffic.Start(t, ns, "inside"), traffic.Start(t, ns, "outside")
	group.Add(inside.PID)

	truths := traffic.Loopback(ns, "127.0.0.1").RunBetween(t, inside, outside, 5, 2, traffic.Exchange(10, 1, 1))
	traffic.Loopback(other, "127.0.0.1").Run(t, 1, traffic.Exchange(10, 1, 1))

	for _, truth := range truths {
		client, server := truth.Client.Local.Port(), truth.Server.Local.Port()
		require.Len(t, from(ofGroup, server, client), 0)
		require.GreaterOrEqual(t, len(from(ofAll, server, client)), 1+10)
		require.GreaterOrEqual(t, len(from(ofGroup, client, server)), 1+10)
		require.Equal(t, from(ofGroup, client, server), from(ofAll, client, server))
	}
	for _, sample := range ofAll.Samples() {
		require.EqualValues(t, ns.Inode(), sample.Netns)
	}
}

// from returns one end's samples without their times, which two programs do not
// read at the same instant.
func from(log *rttlog.Log, local, remote uint16) (samples []rttlog.Sample) {
	for _, sample := range log.Samples() {
		if sample.LocalPort == local && sample.RemotePort == remote {
			sample.TimeNs = 0
			samples = append(samples, sample)
		}
	}
	return samples
}
