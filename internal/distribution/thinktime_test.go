// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution && slow

package distribution

import (
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// A server that thinks for longer is no problem of the network, also where the client's round trips rise:
// the server's acknowledgement waits for its answer, up to 40 ms, unless requests come more rarely than
// its timeouts.
func TestSlowServer(t *testing.T) {
	t.Parallel()
	for i, test := range []struct {
		name  string
		think time.Duration
	}{{"slow-server", 300 * time.Millisecond}, {"slow-server-delayed-ack", 150 * time.Millisecond}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var think atomic.Int64
			s := scenario{tick: tick, watched: 18 * tick, act: func(p *play) (fault, mend func()) {
				request, answer := exchange(1_000)
				s := p.shop(p.test, 5, 100*time.Millisecond, request, func(c *net.TCPConn) error {
					time.Sleep(time.Duration(think.Load()))
					return answer(c)
				})
				p.test.Cleanup(s.end)
				return func() { think.Store(int64(test.think)) }, nil
			}}
			p := s.play(t, 110+i)
			time.Sleep(16 * tick)
			for _, told := range p.problems() {
				assert.Fail(t, "a cause was invented", word(told, "tcp.problem.title"))
			}
			for _, told := range p.told("tcp.flow.anomaly") {
				t.Log(told.Body().Str())
				assert.Contains(t, told.Body().Str(), "not the network")
			}
		})
	}
}
