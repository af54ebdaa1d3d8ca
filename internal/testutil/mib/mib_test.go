// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package mib_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func TestCountsOneNamespace(t *testing.T) {
	ns, other := netns.New(t), netns.New(t)
	before := mib.Read(t, ns)
	truths := traffic.Loopback(ns, "127.0.0.1").Run(t, 1, append(
		traffic.Exchange(3, 10, 10).Times(4),
		traffic.AbortedBy(traffic.Client, 10))...)
	since := mib.Read(t, ns).Since(before)

	require.EqualValues(t, len(truths), since["ActiveOpens"])
	require.EqualValues(t, len(truths), since["PassiveOpens"])
	require.EqualValues(t, 1, since["OutRsts"])
	require.EqualValues(t, 1, since["TCPAbortOnData"])
	require.Zero(t, since["RetransSegs"])

	var in uint64
	for _, truth := range truths {
		in += uint64(truth.Client.Info.Segs_in + truth.Server.Info.Segs_in)
	}
	require.Equal(t, in, since["InSegs"], "the RST too: only its sender counts it nowhere")

	require.Zero(t, mib.Read(t, other)["InSegs"])
}

func TestRefusedConnection(t *testing.T) {
	ns := netns.New(t)
	_, err := ns.Dial("127.0.0.1:1")
	require.Error(t, err)
	counters := mib.Read(t, ns)
	require.EqualValues(t, 1, counters["AttemptFails"])
	require.EqualValues(t, 1, counters["OutRsts"])
}
