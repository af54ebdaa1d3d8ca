// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
)

// TestSearchWithoutRoom has room for the port of one older listener and for one holder,
// and more than that on this machine. What finds none is counted.
func TestSearchWithoutRoom(t *testing.T) {
	place := newPlace(t)
	for range 3 {
		listener := place.Listen(place.IPv4.String() + ":0")
		t.Cleanup(func() { _ = listener.Close() })
	}
	roomy := observe(t, Config{})
	roomy.collect()
	counts, err := roomy.Counts()
	require.NoError(t, err)
	require.Zero(t, counts.Ports)
	require.Zero(t, counts.Holders)

	full := observe(t, Config{tamper: func(spec *ebpf.CollectionSpec) {
		spec.Maps["listening"].MaxEntries = 1
		spec.Maps["holders"].MaxEntries = 1
	}})
	full.collect()
	counts, err = full.Counts()
	require.NoError(t, err)
	require.GreaterOrEqual(t, counts.Ports, uint64(2))
	require.GreaterOrEqual(t, counts.Holders, uint64(2))
}
