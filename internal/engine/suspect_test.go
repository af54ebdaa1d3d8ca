// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestALossIsPlacedByWhatIsSuspected loses segments at one pod of a server. Of its clients one knows no
// other pod, and is so busy that its loss is told of first, when the others' is only suspected: alone it is
// the pair's, together they are the pod's.
func TestALossIsPlacedByWhatIsSuspected(t *testing.T) {
	w := newWorld(t, width)
	var lossy []*link
	for c, client := range []string{"busy", "calm"} {
		for i := range 2 {
			for server := range 1 + min(c, 1) {
				request, response := w.talk(pod(client, i, c), pod("server", server, server+3))
				if c > 0 {
					request.segments, response.segments = 30, 30
				}
				if server == 0 {
					lossy = append(lossy, request, response)
				}
			}
		}
	}
	w.run(60)
	require.Empty(t, w.told)
	for _, l := range lossy {
		l.loss = .03
	}
	for windows := 0; len(w.told) == 0; windows++ {
		require.Less(t, windows, 12)
		w.run(1)
	}
	assert.Equal(t, "open tcp_retransmit_rise pod shop/server-0", w.told[0])
}
