// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution && slow

package distribution

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// Requests of 20 segments take two round trips where the window begins anew after each pause: it grows to
// twice that, and is halved once each timeout, of 0.5 s here, so the pause has to be two of them. Where
// pauses are shorter than a timeout they do not matter.
func TestSlowStartAfterIdle(t *testing.T) {
	t.Parallel()
	const knob = "net.ipv4.tcp_slow_start_after_idle"
	s := scenario{
		tick: tick, watched: 6 * tick,
		path:   far(150*time.Millisecond, netns.CongestionControl("cubic"), netns.Sysctl(knob, "0")),
		beside: func(_ testing.TB, same couple) couple { return same },
		act: func(p *play) (fault, mend func()) {
			send := func(segments int) (request, answer func(*net.TCPConn) error) {
				request = func(c *net.TCPConn) error {
					if _, err := c.Write(make([]byte, segments*1400)); err != nil {
						return err
					}
					_, err := io.ReadFull(c, make([]byte, 100))
					return err
				}
				return request, func(c *net.TCPConn) error {
					if _, err := io.ReadFull(c, make([]byte, segments*1400)); err != nil {
						return err
					}
					_, err := c.Write(make([]byte, 100))
					return err
				}
			}
			request, answer := send(20)
			s := p.shop(p.test, 3, 1650*time.Millisecond, request, answer)
			p.test.Cleanup(s.end)
			request, answer = send(60)
			near := p.near.shop(p.test, 3, 450*time.Millisecond, request, answer)
			p.test.Cleanup(near.end)
			return func() { p.client.SetSysctl(knob, "1") }, func() { p.client.SetSysctl(knob, "0") }
		},
	}
	p := s.play(t, 101)
	p.awaitTold("tcp_window_restart", 12*tick)
	time.Sleep(4 * tick)
	assert.Empty(t, p.problems(), "it costs a round trip, and hurts nobody by itself")
	for _, told := range p.told("tcp.flow.anomaly") {
		t.Log(told.Body().Str())
		assert.Equal(t, "tcp_window_restart", word(told.Attributes(), "tcp.anomaly.type"))
		assert.Equal(t, "service-k", word(told.Attributes(), "destination.service.name"), told.Body().Str())
	}
}
