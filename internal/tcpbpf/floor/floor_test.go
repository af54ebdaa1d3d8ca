// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package floor_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/tcpbpf"
	"github.com/tcpwhy/tcpwhy/internal/tcpbpf/floor"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// TestFloorIsCalled listens, which every sock_ops program is told without having
// asked for it.
func TestFloorIsCalled(t *testing.T) {
	ns := netns.New(t)
	statistics, err := tcpbpf.EnableStatistics()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, statistics.Close()) })

	f, err := floor.Open(cgroup.Root(t))
	require.NoError(t, err)
	ns.Listen("127.0.0.1:0")
	runs, total, err := f.Statistics()
	require.NoError(t, err)
	require.NotZero(t, runs)
	require.NotZero(t, total)
	require.NoError(t, f.Close())
}
