// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// TestDrainOfCrowdedBuckets has room for one entry at first, but the kernel hands out
// whole hash buckets. Nothing is lost, and nothing handed out twice.
func TestDrainOfCrowdedBuckets(t *testing.T) {
	const n = 1000
	k := observe(t, Config{MaxFlows: n, Include: only(newPlace(t))})
	for i := range uint64(n) {
		require.NoError(t, k.objects.FlowsEven.Put(i, &tcpwhyFlow{Keyed: 1, Opened: uint32(i)}))
	}
	k.drain.grow(1)
	opened := make(map[uint64]bool)
	require.NoError(t, k.drain.run(false, 0, func(d *flow.Delta) { opened[d.Opened] = true }))
	require.Len(t, opened, n)
	require.EqualValues(t, n, k.drain.flowsFill)
	require.Greater(t, len(k.drain.flows), 1, "no two flows shared a bucket")
	require.NoError(t, k.drain.run(false, 0, func(*flow.Delta) { require.Fail(t, "once more") }))
}
