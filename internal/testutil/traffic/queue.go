// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// flush waits until the peer has acknowledged all that was written.
// The last acknowledgement is processed by then, too: SIOCOUTQ looks at a socket that
// others work on, SIOCINQ waits for its lock (tcp_ioctl in net/ipv4/tcp.c).
func (c *Conn) flush(int64) error {
	if err := c.until(unix.SIOCOUTQ, func(n int) bool { return n == 0 }); err != nil {
		return err
	}
	_, err := queued(c.tcp, unix.SIOCINQ)
	return err
}

// arrive waits until n bytes lie unread.
func (c *Conn) arrive(n int64) error {
	return c.until(unix.SIOCINQ, func(queued int) bool { return int64(queued) >= n })
}

// Unread returns how many bytes have arrived and were not read (SIOCINQ).
func (c *Conn) Unread(t testing.TB) int { return c.queued(t, unix.SIOCINQ) }

// Unacknowledged returns how many bytes were written and are not acknowledged
// (SIOCOUTQ).
func (c *Conn) Unacknowledged(t testing.TB) int { return c.queued(t, unix.SIOCOUTQ) }

func (c *Conn) queued(t testing.TB, queue uint) int {
	t.Helper()
	n, err := queued(c.tcp, queue)
	require.NoError(t, err)
	return n
}

// until waits for a length of one of the connection's queues.
func (c *Conn) until(queue uint, ok func(int) bool) error {
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		n, err := queued(c.tcp, queue)
		if err != nil || ok(n) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("await queue %#x: still %d bytes", queue, n)
		}
	}
}

// queued returns the bytes in a queue: SIOCINQ received and not read, SIOCOUTQ
// written and not acknowledged.
func queued(conn syscall.Conn, queue uint) (n int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("read queue %#x: %w", queue, err)
	}
	if e := raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), queue) }); e != nil {
		return 0, fmt.Errorf("read queue %#x: %w", queue, e)
	}
	return n, err
}
