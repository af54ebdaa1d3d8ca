// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"
)

// pause is how often a reader that was stopped looks whether it may go on.
const pause = 50 * time.Millisecond

// A served is a connection that was accepted.
type served struct {
	net.Conn
	listener *listener
	closed   atomic.Bool
}

func (c *served) Read(b []byte) (int, error) {
	for c.listener.now().ReadStopped && !c.closed.Load() {
		time.Sleep(pause)
	}
	s := c.listener.now()
	n, err := c.Conn.Read(slowly(b, s.ReadRate))
	if err == nil && s.Reset > 0 && rand.Float64() < s.Reset {
		_ = c.Conn.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *served) Close() error {
	c.closed.Store(true)
	c.listener.forget(c)
	return c.Conn.Close()
}

// slowly waits, and returns the part of a buffer that may be read after that.
func slowly(b []byte, rate int) []byte {
	if rate <= 0 {
		return b
	}
	time.Sleep(pause)
	return b[:min(len(b), max(1, int(float64(rate)*pause.Seconds())))]
}

// A called is a connection that was made to a server.
type called struct {
	*net.TCPConn
	call  func() Call
	split bool
}

func (c *called) Read(b []byte) (int, error) { return c.TCPConn.Read(slowly(b, c.call().ReadRate)) }

// first is how long the first piece of a request is that is written in two: a header.
const first = 80

func (c *called) Write(b []byte) (int, error) {
	if split := c.call().Split; split != c.split {
		c.split = split
		if err := c.SetNoDelay(!split); err != nil {
			return 0, err
		}
	}
	if !c.split || len(b) <= first {
		return c.TCPConn.Write(b)
	}
	n, err := c.TCPConn.Write(b[:first])
	if err != nil {
		return n, err
	}
	rest, err := c.TCPConn.Write(b[first:])
	return n + rest, err
}
