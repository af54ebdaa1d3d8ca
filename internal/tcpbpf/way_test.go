// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/kernel"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestBytesHoweverMoved hands bytes to the kernel in ways that pass by send and
// receive.
func TestBytesHoweverMoved(t *testing.T) {
	for _, congestion := range cubicAndBBR(t) {
		place := newPlace(t, netns.CongestionControl(congestion))
		for _, way := range traffic.Ways {
			t.Run(congestion+" "+string(way), func(t *testing.T) {
				if way == traffic.Uring || way == traffic.UringZeroCopy {
					kernel.Require(t, kernel.IOUring)
				}
				path := traffic.Loopback(place.NS, place.IPv4.String())
				path.Way = way
				k := observe(t, Config{Granularity: GranularityConnection})
				truths := path.Run(t, 4, moved()...)
				k.untilClosed(2*len(truths), at(place.IPv4))
				for _, truth := range truths {
					requireExact(t, k, truth, flow.RoleClient)
					requireExact(t, k, truth, flow.RoleServer)
				}
			})
		}
	}
}

// moved is connections of some sizes and endings.
func moved() (all []traffic.Scenario) {
	for _, side := range []traffic.Side{traffic.Client, traffic.Server} {
		all = append(all,
			traffic.Exchange(50, 300, 5000).ClosedBy(side),
			traffic.Duplex(3_000_001).ClosedBy(side),
			traffic.Stream(20_000_003).ClosedBy(side),
			traffic.HalfClosed(side, 2000, 300_000),
			traffic.AbortedBy(side, 100_000),
			traffic.UnreadBy(side, 3000),
		)
	}
	return all
}

// TestKernelTLS lets the kernel make TLS records: payload of TCP are the records, with
// all that they add to the bytes of the application.
func TestKernelTLS(t *testing.T) {
	kernel.Require(t, kernel.KernelTLS)
	for _, congestion := range cubicAndBBR(t) {
		t.Run(congestion, func(t *testing.T) { requireKernelTLS(t, newPlace(t, netns.CongestionControl(congestion))) })
	}
}

func requireKernelTLS(t *testing.T, place place) {
	t.Helper()
	const rounds, request, response = 20, 300, traffic.TLSRecord + 1
	path := traffic.Loopback(place.NS, place.IPv4.String())
	path.Way = traffic.KernelTLS
	k := observe(t, Config{Granularity: GranularityConnection})
	truths := path.Run(t, 1, traffic.Exchange(rounds, request, response).ClosedBy(traffic.Client))
	k.untilClosed(2, place.here())

	const out, in = rounds * (request + traffic.TLSOverhead), rounds * (response + 2*traffic.TLSOverhead)
	end := truths[0].Client
	require.Equal(t, [2]uint64{rounds * request, rounds * response}, [2]uint64{end.Written, end.Read})
	for role, test := range map[flow.Role]struct {
		info  tcpinfo.Info
		bytes [2]uint64
	}{
		flow.RoleClient: {end.Info, [2]uint64{out, in}},
		flow.RoleServer: {truths[0].Server.Info, [2]uint64{in, out}},
	} {
		s := k.sum(func(key flow.Key) bool { return key.Role == role && place.here()(key) })
		require.Equal(t, test.bytes, s.Bytes)
		requireSegments(t, test.info, &s, "kTLS")
	}
}
