// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution && slow

package distribution

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/testutil/impair"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// A path of 130 ms stands still for 0.4 s each 3 s or so: nine of ten round trips take as long as ever, and many vary. Where
// it does so each 20 s most windows are as ever. The pause is that long because a busy host, too, makes round trips vary
// by 10 to 20 ms, and the shortest timeout longer than it (from Linux 6.11 on), so that nothing is sent again.
func TestSlowJitter(t *testing.T) {
	t.Parallel()
	const (
		oneWay = 65 * time.Millisecond
		still  = 400 * time.Millisecond
		// Of who is watched for two minutes it takes 9 to 17 windows to be sure, as much as they differ by themselves.
		enough = 30 * tick
	)
	for i, test := range []struct {
		name  string
		every time.Duration // on average
		told  bool
	}{{"jitter-rise", 3 * time.Second, true}, {"jitter-rise-not", 20 * time.Second, false}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			way := impair.Config{Delay: oneWay}
			link := impair.New(t, way, way, netns.Sysctl("net.ipv4.tcp_rto_min_us", "1000000"))
			var mend func()
			s := scenario{
				tick: tick, watched: 24 * tick,
				path: func(testing.TB) couple { return couple{link.A, link.B} },
				act: func(p *play) (fault, _ func()) {
					request, answer := exchange(1_000)
					shopping := p.shop(t, 8, time.Millisecond, request, answer) // at once, so that no acknowledgement waits
					t.Cleanup(shopping.end)
					// A packet has to wait for longer than it takes anyway, to be late.
					fault, mend = nowAndThen(t, test.every, func() { link.Hold(oneWay + still) })
					return fault, mend
				},
			}
			p := s.play(t, 140+i)
			if !test.told {
				time.Sleep(enough)
				p.quiet()
				return
			}
			opened := p.awaitProblem("open", enough)
			verdict{"tcp_jitter_rise", "pair", "service-j ↔ service-k", "path", "check_variation"}.compare(t, opened)
			mend()
			closed := p.awaitProblem("close", 90*time.Second)
			assert.Equal(t, word(opened, "tcp.problem.id"), word(closed, "tcp.problem.id"), "one problem")
			assert.Equal(t, "tcp_jitter_rise", word(closed, "tcp.problem.type"))
		})
	}
}

// nowAndThen does something now and then, from begin to end. It is never regular: exchanges that have waited for the same moment
// go on from there together, and would meet each next one just as the last.
func nowAndThen(t *testing.T, every time.Duration, do func()) (begin, end func()) {
	stop := make(chan struct{})
	begin = func() {
		go func() {
			for random := rand.New(rand.NewPCG(1, 0)); ; do() {
				select {
				case <-t.Context().Done():
					return
				case <-stop:
					return
				case <-time.After(every/2 + time.Duration(random.Int64N(int64(every)))):
				}
			}
		}()
	}
	return begin, func() { close(stop) }
}
