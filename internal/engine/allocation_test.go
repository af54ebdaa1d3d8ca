// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A quiet window of 400 links allocates nothing: neither to take it in nor to judge it. Each is measured by
// itself, because a mean would be rounded to nothing.
func TestAQuietWindowAllocatesNothing(t *testing.T) {
	w := newWorld(t, width)
	for client := range 20 {
		for server := range 10 {
			w.talk(pod(fmt.Sprintf("client-%d", client/2), client, client%5), pod(fmt.Sprintf("server-%d", server/3), server, server%5))
		}
	}
	require.Len(t, w.links, 400)
	for _, l := range w.links {
		l.segments = 500
	}
	w.run(60)
	for range 60 {
		assert.Zero(t, testing.AllocsPerRun(1, func() { w.run(1) }))
	}
	assert.Empty(t, w.news)
	assert.Len(t, w.links, w.Sizes().Tracks)
}
