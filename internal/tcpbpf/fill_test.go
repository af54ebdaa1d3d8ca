// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestFillsOfFlows holds connections open, of which each end is a flow of this
// process.
func TestFillsOfFlows(t *testing.T) {
	for name, test := range map[string]struct {
		connections, room, flows, overflow uint32
	}{
		"room enough":      {20, 1000, 40, 0},
		"room for some":    {20, 10, 10, 1},
		"just room enough": {150, 300, 300, 0}, // more than one batch
	} {
		t.Run(name, func(t *testing.T) {
			place := newPlace(t)
			k := observe(t, Config{MaxFlows: int(test.room), Granularity: GranularityConnection, Include: only(place)})
			gate := newGate(place, traffic.Loopback(place.NS, place.IPv4.String()))
			var ends []*net.TCPConn
			for range test.connections {
				client, server := gate.open(t)
				ends = append(ends, client, server)
			}
			for range 2 { // odd and even epochs
				k.collect()
				require.Equal(t, []Fill{
					{FillFlows, test.flows, test.room},
					{FillOverflow, test.overflow, 1024},
				}, k.Fills()[:2])
			}
			for _, end := range ends {
				require.NoError(t, end.Close())
			}
			k.untilClosed(len(ends), everything)
			require.Zero(t, k.Fills()[0].Entries)
			require.Zero(t, k.Fills()[1].Entries)
		})
	}
}

// TestFillOfOwners counts the records beside the product. Those of others on this
// machine come and go.
func TestFillOfOwners(t *testing.T) {
	place := newPlace(t)
	k := observe(t, Config{MaxFlows: 100_000})
	place.Listen(place.IPv4.String() + ":0") // ours is one
	want, tick := uint32(0), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		want = entries(t, k.objects.Owners)
		k.owners.next = 0 // look now
		k.collect()
		if k.Fills()[2].Entries == want {
			break
		}
	}
	require.NotZero(t, want)
	require.Equal(t, Fill{FillOwners, want, 100_000}, k.Fills()[2])
}

func entries(t *testing.T, m *ebpf.Map) (n uint32) {
	t.Helper()
	var key tcpwhyOwnerKey
	var value tcpwhyOwner
	all := m.Iterate()
	for all.Next(&key, &value) {
		n++
	}
	require.NoError(t, all.Err())
	return n
}
