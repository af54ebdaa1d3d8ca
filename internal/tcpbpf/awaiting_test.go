// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// TestOlderAwaiting adopts a client that has its answer, as those of a pool that is idle
// have, and one that waits for it: what it did last says which.
func TestOlderAwaiting(t *testing.T) {
	idle, waiting := play(t, 1), play(t, 1)
	require.Eventually(t, func() bool { return waiting.client.ends()[0].Info.Last_data_recv >= 20 }, patience, time.Millisecond)
	waiting.client.do("write", "", 100)
	waiting.server.do("read", "", 100)
	k := observe(t, Config{})
	k.collect()
	awaiting := func(s scene) uint32 { return k.now(role(flow.RoleClient, s.here())).Awaiting }
	require.Zero(t, awaiting(idle))
	require.EqualValues(t, 1, awaiting(waiting))
	waiting.server.do("write", "", 100)
	waiting.client.do("read", "", 100)
	k.collect()
	require.Zero(t, awaiting(waiting))
}
