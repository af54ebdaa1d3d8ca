// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution && slow

package distribution

import (
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/testutil/impair"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
)

const tick = 5 * time.Second

var (
	loss      = verdict{"tcp_retransmit_rise", "pair", "service-j → service-k", "path", "check_path"}
	scenarios = []struct {
		name string
		scenario
	}{
		{"loss-tick-10s", scenario{tick: 10 * time.Second, watched: 4 * time.Minute, act: lose, want: loss}},
		{"loss-tick-10s-watched-2m", scenario{tick: 10 * time.Second, watched: 2 * time.Minute, act: lose, want: loss}},
		{"loss-tick-5s-watched-2m", scenario{tick: tick, watched: 2 * time.Minute, act: lose, want: loss}},
		{"black-hole", scenario{tick: tick, watched: 6 * tick, act: swallow,
			want: verdict{"tcp_pmtu_blackhole", "pair", "service-j → service-k", "path", "check_mtu"}}},
		{"accept-queue", scenario{tick: tick, watched: 6 * tick, path: shortQueues, act: neglect,
			want: verdict{"tcp_accept_overflow", "listener", "service-k:7705", "listener", "raise_backlog"}}},
		{"slow-reader", scenario{tick: tick, watched: 6 * tick, act: dawdle,
			want: verdict{"tcp_zero_window", "workload", "service-k", "receiver", "speed_up_reader"}}},
		{"send-buffer", scenario{tick: tick, watched: 6 * tick, path: far(10 * time.Millisecond), beside: anotherCable, act: confine,
			want: verdict{"tcp_send_buffer_limited", "workload", "service-j", "sender", "unset_sndbuf"}}},
	}
)

func TestSlow(t *testing.T) {
	t.Parallel()
	for i, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.play(t, i+1)
		})
	}
}

func far(oneWay time.Duration, options ...netns.Option) func(testing.TB) couple {
	return func(t testing.TB) couple {
		way := impair.Config{Delay: oneWay}
		link := impair.New(t, way, way, options...)
		return couple{link.A, link.B}
	}
}

func anotherCable(t testing.TB, _ couple) couple { return cable(t) }

// The talk's own case: of both directions 3 % are lost at the server.
func lose(p *play) (fault, mend func()) {
	request, answer := exchange(30_000)
	s := p.shop(p.test, 5, 100*time.Millisecond, request, answer) // about 1,000 data segments a second each way
	p.test.Cleanup(s.end)
	filter := nft.New(p.test, p.server.NS)
	return func() { filter.Drop(nft.Input, 30) }, filter.Clear
}

// Large segments vanish on their way to the server, small ones pass.
func swallow(p *play) (fault, mend func()) {
	small := func(c *net.TCPConn) error {
		_, err := c.Write(make([]byte, 200))
		return err
	}
	receive := func(bytes int) func(*net.TCPConn) error {
		return func(c *net.TCPConn) error {
			_, err := io.ReadFull(c, make([]byte, bytes))
			return err
		}
	}
	send := func(bytes int) func(*net.TCPConn) error {
		return func(c *net.TCPConn) error {
			_, err := c.Write(make([]byte, bytes))
			return err
		}
	}
	upload := p.shop(p.test, 5, 500*time.Millisecond, both(send(30_000), receive(200)), both(receive(30_000), small))
	p.test.Cleanup(upload.end)
	beat := p.shop(p.test, 2, 100*time.Millisecond, both(small, receive(200)), both(receive(200), small))
	p.test.Cleanup(beat.end)
	filter := nft.New(p.test, p.server.NS)
	return func() { filter.Drop(nft.Input, 1000, nft.Longer(1000)) }, filter.Clear
}

// both does one after the other.
func both(first, second func(*net.TCPConn) error) func(*net.TCPConn) error {
	return func(c *net.TCPConn) error {
		if err := first(c); err != nil {
			return err
		}
		return second(c)
	}
}

// shortQueues joins two hosts whose listeners have room for 17.
func shortQueues(t testing.TB) couple {
	client, server := netns.Pair(t, netns.Sysctl("net.core.somaxconn", "16"))
	return couple{client, server}
}

// The server takes a connection each two seconds only, while forty clients connect for each request.
func neglect(p *play) (fault, mend func()) {
	listener := p.server.ListenWith(p.server.Socket(), netip.AddrPortFrom(p.server.IPv4, p.port))
	var pause atomic.Int64
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
			time.Sleep(time.Duration(pause.Load()))
		}
	}()
	stop := make(chan struct{})
	p.test.Cleanup(func() { close(stop) })
	for i := range 40 {
		go func() {
			for pause := time.Duration(i) * 50 * time.Millisecond; ; pause = 2 * time.Second {
				select {
				case <-stop:
					return
				case <-time.After(pause):
				}
				if c, err := p.client.Dial(listener.Addr().String()); err == nil {
					_, _ = c.Write(make([]byte, 200))
					_, _ = io.ReadFull(c, make([]byte, 200))
					_ = c.Close()
				}
			}
		}()
	}
	return func() { pause.Store(int64(2 * time.Second)) }, func() { pause.Store(0) }
}

// The server reads 20 kB/s of requests of 400 kB.
func dawdle(p *play) (fault, mend func()) {
	const size, piece = 400_000, 2_000
	var pause atomic.Int64
	request := func(c *net.TCPConn) error {
		if _, err := c.Write(make([]byte, size)); err != nil {
			return err
		}
		_, err := io.ReadFull(c, make([]byte, 100))
		return err
	}
	answer := func(c *net.TCPConn) error {
		for range size / piece {
			if _, err := io.ReadFull(c, make([]byte, piece)); err != nil {
				return err
			}
			time.Sleep(time.Duration(pause.Load()))
		}
		_, err := c.Write(make([]byte, 100))
		return err
	}
	s := p.shop(p.test, 3, 100*time.Millisecond, request, answer)
	p.test.Cleanup(s.end)
	return func() { pause.Store(int64(100 * time.Millisecond)) }, func() { pause.Store(0) }
}

// The client gives each connection a send buffer of 8 KiB (SO_SNDBUF), on a path of 20 ms. The same
// buffer limits nobody on a cable.
func confine(p *play) (fault, mend func()) {
	const chunk = 200_000
	pour := func(c couple, buffer int) *shopping {
		request := func(c *net.TCPConn) error {
			if buffer > 0 {
				if err := c.SetWriteBuffer(buffer); err != nil {
					return err
				}
			}
			_, err := c.Write(make([]byte, chunk))
			return err
		}
		return c.shop(p.test, 2, 100*time.Millisecond, request, func(c *net.TCPConn) error {
			_, err := io.ReadFull(c, make([]byte, chunk))
			return err
		})
	}
	var traffic []*shopping
	end := func() {
		for _, s := range traffic {
			s.end()
		}
	}
	traffic = []*shopping{pour(p.couple, 0), pour(p.near, 0)}
	p.test.Cleanup(func() { end() })
	return func() {
			end()
			traffic = []*shopping{pour(p.couple, 4096), pour(p.near, 4096)}
		}, func() {
			end()
			traffic = []*shopping{pour(p.couple, 0), pour(p.near, 4096)}
		}
}
