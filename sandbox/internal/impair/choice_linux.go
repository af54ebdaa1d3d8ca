// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package impair

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// patience is longer than the kernel collects.
const patience = 2 * collect * 10 * time.Millisecond

// A Choice writes down which packets the packet filter chose, and sends them once more if
// they are to come twice. Rules that log them to a group tell it of all, in the network
// namespace in which it was opened. None waits for it, so that those to which nothing is
// done pass as ever.
type Choice struct {
	config Config
	conn   *netlink.Conn
	raw    int // socket for copies
	send   func(packet []byte) error
	done   chan struct{}

	mu      sync.Mutex
	truth   *truth
	failed  error // the first copy that could not be sent
	missed  error // the first packets that it was not told of
	closing atomic.Bool
}

// Choose begins to listen to a group. The truth about single packets is written to out, if
// that is not nil.
func Choose(group uint16, config Config, out io.Writer) (*Choice, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	raw, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return nil, fmt.Errorf("open raw socket: %w", err)
	}
	conn, err := listen(group)
	if err != nil {
		_ = unix.Close(raw)
		return nil, err
	}
	c := &Choice{config: config, conn: conn, raw: raw, truth: newTruth(out), done: make(chan struct{})}
	c.send = func(packet []byte) error {
		return unix.Sendto(raw, packet, 0, &unix.SockaddrInet4{Addr: [4]byte(packet[16:20])})
	}
	go c.read()
	return c, nil
}

func (c *Choice) read() {
	defer close(c.done)
	for {
		messages, err := c.conn.Receive()
		if c.closing.Load() && err != nil {
			return
		}
		if err != nil {
			c.miss(err)
			if errors.Is(err, unix.ENOBUFS) {
				continue
			}
			return
		}
		for _, m := range messages {
			if packet, chosen := logged(m); packet != nil {
				c.hear(time.Now(), packet, chosen)
			}
		}
	}
}

// hear is told of a packet that has left, or is gone.
func (c *Choice) hear(now time.Time, packet []byte, chosen bool) {
	p, ok := parse(packet)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	done := fate{drop: chosen && c.config.Loss > 0, twice: chosen && c.config.Duplicate > 0}
	if done.twice {
		checksum(packet)
		if err := c.send(packet); err != nil {
			done.twice = false
			if c.failed == nil {
				c.failed = fmt.Errorf("send packet once more: %w", err)
			}
		}
	}
	c.truth.note(now, p, done)
}

func (c *Choice) miss(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.missed == nil {
		c.missed = fmt.Errorf("read netfilter log: %w", err)
	}
}

// Stats returns what was done so far. Of packets to which nothing was done it is told late.
func (c *Choice) Stats() Stats { return c.truth.snapshot() }

// Close sends and counts no more, a moment after which it was told of all. Take the rules
// away first. It returns what went wrong since the group was opened.
func (c *Choice) Close() error {
	c.closing.Store(true)
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	<-c.done
	return errors.Join(c.failed, c.missed, c.truth.close(), c.conn.Close(), unix.Close(c.raw))
}
