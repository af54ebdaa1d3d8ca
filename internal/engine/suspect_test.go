// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/engine"
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

// TestASmallLossIsToldIfTheReceiverSawTheGaps is less than what the sender's word alone opens a problem for.
func TestASmallLossIsToldIfTheReceiverSawTheGaps(t *testing.T) {
	for _, gaps := range []float64{0, 20} {
		w := newWorld(t, width)
		request, response := w.talk(pod("client", 0, 0), pod("server", 0, 1))
		w.talk(pod("other", 0, 2), pod("server", 0, 1))
		w.run(60)
		request.loss = .003
		response.fault = sums(engine.OutOfOrder, gaps)
		w.run(12)
		if gaps == 0 {
			assert.Empty(t, w.told)
		} else {
			assert.Equal(t, []string{"open tcp_retransmit_rise pair shop/client → shop/server"}, w.told)
		}
	}
}

// TestWhatIsNeedlessIsNoLess of a fault although its pairs of pods lose nothing: half of them are so, and
// none of them counts against it.
func TestWhatIsNeedlessIsNoLess(t *testing.T) {
	w := newWorld(t, width)
	for server := range 2 {
		for client := range 2 {
			request, _ := w.talk(pod("client", client, client), pod("server", server, server+3))
			if server == 0 {
				request.fault = func(w *world, l *link, at uint64) {
					if w.now.Minute() >= 5 {
						needless(engine.RetransmitFast, .02)(w, l, at)
					}
				}
			}
		}
	}
	w.run(30)
	require.Empty(t, w.told)
	w.run(4)
	require.NotEmpty(t, w.told)
	assert.Equal(t, "open tcp_spurious_retransmit pod shop/server-0", w.told[0])
}

// TestFewSegmentsDoNotClearAPod at which two clients lose segments and six hardly send any.
func TestFewSegmentsDoNotClearAPod(t *testing.T) {
	w := newWorld(t, width)
	var lossy []*link
	for client := range 8 {
		for server := range 2 {
			request, response := w.talk(pod(fmt.Sprintf("client-%d", client), 0, client), pod("server", server, server+3))
			if client > 1 {
				request.segments, response.segments = 25, 25
			}
			if server == 0 {
				lossy = append(lossy, request, response)
			}
		}
	}
	w.run(60)
	require.Empty(t, w.told)
	for _, l := range lossy {
		l.loss = .01
	}
	for windows := 0; len(w.told) == 0; windows++ {
		require.Less(t, windows, 12)
		w.run(1)
	}
	assert.Equal(t, "open tcp_retransmit_rise pod shop/server-0", w.told[0])
}
