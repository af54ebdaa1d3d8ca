// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/rttlog"
)

// The kernel's TCP states. Samples count in the first two.
const (
	established = 1
	closeWait   = 8
	finWait1    = 4
	finWait2    = 5
	lastACK     = 9
	closing     = 11
)

// A spread is a distribution by the kernel side's buckets.
type spread struct {
	Sum    uint64
	Counts [128]uint64
}

func (s *spread) add(v uint32, bucket uint8) {
	s.Sum += uint64(v)
	s.Counts[bucket]++
}

func (s *spread) samples() (n uint64) {
	for _, count := range s.Counts {
		n += count
	}
	return n
}

func (s *spread) addSample(o flow.Sample) {
	s.Sum += o.Sum
	s.Counts[0] += uint64(o.Zero)
	for i, n := range o.Counts {
		s.Counts[i+1] += uint64(n)
	}
}

// A trip is all that is sampled with round trips.
type trip struct{ RTT, Variation, Receive, Send spread }

// ports tell the ends of connections apart, within one namespace and server
// address. 0 is a port that is not part of a flow's key.
type ports struct{ local, remote uint16 }

type trips map[ports]*trip

func (t trips) of(p ports) *trip {
	if t[p] == nil {
		t[p] = new(trip)
	}
	return t[p]
}

// collect adds one interval of the matching flows, and returns how many of their
// connections closed.
func (t trips) collect(c *collector, match func(flow.Key) bool) (closed uint64) {
	c.t.Helper()
	_, err := c.Collect(context.Background(), func(d *flow.Delta) {
		if !match(d.Key) {
			return
		}
		for _, n := range d.Closed {
			closed += n
		}
		trip := t.of(ports{d.Key.LocalPort, d.Key.RemotePort})
		trip.RTT.addSample(d.RTT)
		trip.Variation.addSample(d.RTTVariation)
		trip.Receive.addSample(d.ReceiveWindow)
		trip.Send.addSample(d.SendWindow)
	})
	require.NoError(c.t, err)
	return closed
}

// logged adds up what should be in the histograms: samples of ends that may
// both still send, and the client's SYN, if it had a sample.
func logged(samples []rttlog.Sample, g Granularity) trips {
	client := make(map[ports]bool)
	for _, s := range samples {
		if s.Op == rttlog.ActiveEstablished {
			client[ports{s.LocalPort, s.RemotePort}] = true
		}
	}
	all := make(trips)
	for _, s := range samples {
		key := ports{s.LocalPort, s.RemotePort}
		switch {
		case g == GranularityConnection:
		case client[key]:
			key.local = 0
		default:
			key.remote = 0
		}
		trip := all.of(key)
		if !counts(s) {
			continue
		}
		trip.RTT.add(s.RttUs, wantRTTBucket(s.RttUs))
		trip.Variation.add(s.VariationUs, wantRTTBucket(s.VariationUs))
		trip.Receive.add(s.RcvWnd, wantWindowBucket(s.RcvWnd))
		trip.Send.add(s.SndWnd, wantWindowBucket(s.SndWnd))
	}
	return all
}

func counts(s rttlog.Sample) bool {
	switch s.Op {
	case rttlog.ActiveEstablished:
		return s.RttUs != 0
	case rttlog.RTT:
		return s.State == established || s.State == closeWait
	default:
		return false
	}
}

// requireTrips compares connection by connection.
func requireTrips(t testing.TB, want, have trips) {
	t.Helper()
	require.Len(t, have, len(want), "ends of connections")
	for ports, w := range want {
		require.Contains(t, have, ports)
		require.Equal(t, w, have[ports], "%+v", ports)
	}
}
