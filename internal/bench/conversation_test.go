// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

func TestConversationDoesItsTasks(t *testing.T) {
	root.Require(t)
	cpus, err := chooseCPUs()
	require.NoError(t, err)
	for _, w := range workloads {
		t.Run(w.name, func(t *testing.T) {
			c, err := newConversation(w, placement{server: cpus[0], client: cpus[1]}, 2)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, c.end()) })

			counted, err := c.client.do(task{Count: 100})
			require.NoError(t, err)
			require.Equal(t, 100, counted.Count)
			require.Positive(t, counted.rate())

			timed, err := c.client.do(task{Duration: 10 * time.Millisecond})
			require.NoError(t, err)
			require.Positive(t, timed.Count)
			require.GreaterOrEqual(t, timed.Elapsed, 10*time.Millisecond)
		})
	}
}
