// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution && slow

package distribution

import (
	"testing"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/testutil/impair"
)

// A path stands still for 0.4 s each 2 s, longer than senders wait for an acknowledgement: they send again
// for nothing, which is told of. Their timeouts grow with what they see, so nearly all of it are probes,
// which hurt nobody.
func TestSlowNeedless(t *testing.T) {
	t.Parallel()
	for i, test := range []struct {
		name  string
		pause time.Duration
		told  bool
	}{{"spurious", 400 * time.Millisecond, true}, {"spurious-not", 100 * time.Millisecond, false}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			way := impair.Config{Delay: 10 * time.Millisecond}
			link := impair.New(t, way, way)
			stop := make(chan struct{})
			t.Cleanup(func() { close(stop) })
			s := scenario{
				tick: tick, watched: 12 * tick,
				path: func(testing.TB) couple { return couple{link.A, link.B} },
				act: func(p *play) (fault, mend func()) {
					request, answer := exchange(1_000)
					s := p.shop(t, 5, 30*time.Millisecond, request, answer)
					t.Cleanup(s.end)
					return func() { go pauses(link, test.pause, stop) }, nil
				},
			}
			p := s.play(t, 120+i)
			if test.told {
				p.awaitTold("tcp_spurious_retransmit", 10*tick)
			} else {
				time.Sleep(10 * tick)
				p.quiet()
			}
		})
	}
}

// pauses lets a link stand still again and again.
func pauses(link *impair.Link, pause time.Duration, stop chan struct{}) {
	for tick := time.NewTicker(2 * time.Second); ; {
		link.Hold(pause)
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}
