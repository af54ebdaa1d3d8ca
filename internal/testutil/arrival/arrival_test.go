// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package arrival_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tcpwhy/tcpwhy/internal/testutil/arrival"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestWhatWaits writes something that waits because the client has asked for that, and
// lets two segments come: one finds it waiting, the other one acknowledges it.
func TestWhatWaits(t *testing.T) {
	ns, other := netns.New(t), netns.New(t)
	log := arrival.Start(t, ns)
	traffic.Loopback(other, "127.0.0.1").Run(t, 1, traffic.Exchange(10, 1, 1))
	client, server := traffic.Loopback(ns, "127.0.0.1").Open(t)
	client.Act(t, traffic.Step{Verb: traffic.Cork}, traffic.Step{Verb: traffic.Write, Bytes: 100})
	server.Act(t, traffic.Step{Verb: traffic.Write, Bytes: 10})
	client.Act(t, traffic.Step{Verb: traffic.Read, Bytes: 10}, traffic.Step{Verb: traffic.Uncork})
	server.Act(t, traffic.Step{Verb: traffic.Read, Bytes: 100})
	client.Act(t, traffic.Step{Verb: traffic.Flush})

	came := log.At(client.End().Local.Port())
	require.Len(t, came, 2)
	first, second, start := came[0], came[1], came[0].Una
	require.EqualValues(t, server.End().Local.Port(), first.RemotePort)
	require.Equal(t, start, first.Ack)
	require.Equal(t, start, first.Sent)
	require.Equal(t, start+100, first.Written)
	require.Equal(t, start, second.Una)
	require.Equal(t, start+100, second.Ack)
	require.Equal(t, start+100, second.Sent)
	require.Equal(t, start+100, second.Written)
	require.Greater(t, second.TimeNs, first.TimeNs)
}
