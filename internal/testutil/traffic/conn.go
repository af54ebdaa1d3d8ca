// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
)

// patience bounds everything that an application waits for: a scenario that
// hangs fails. Emulated machines with loss are slow.
const patience = 2 * time.Minute

// chunk is what an application writes or reads at a time, bytes.
const chunk = 256 << 10

var (
	zeros   [chunk]byte
	buffers = sync.Pool{New: func() any { return new([chunk]byte) }}
)

// A Conn is one end of a connection, which keeps count of what it does. It is
// for one goroutine.
type Conn struct {
	tcp     *net.TCPConn
	carrier carrier
	end     End
	eof     bool // the peer's FIN arrived
}

// newConn takes a connection over, whose bytes are to be moved some way.
func newConn(tcp *net.TCPConn, way Way) (*Conn, error) {
	if err := tcp.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	carrier, err := way.carrier(tcp)
	if err != nil {
		return nil, err
	}
	return &Conn{
		tcp: tcp, carrier: carrier,
		end: End{Local: address(tcp.LocalAddr()), Remote: address(tcp.RemoteAddr())},
	}, nil
}

func address(a net.Addr) netip.AddrPort {
	ap := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// write writes n bytes.
func (c *Conn) write(n int64) error {
	for n > 0 {
		done, err := c.carrier.write(int(min(n, chunk)))
		c.end.Written += uint64(done)
		n -= int64(done)
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	return nil
}

// read reads n bytes.
func (c *Conn) read(n int64) error {
	buffer := buffers.Get().(*[chunk]byte)
	defer buffers.Put(buffer)
	for n > 0 {
		done, err := c.carrier.read(buffer[:min(n, chunk)])
		c.end.Read += uint64(done)
		n -= int64(done)
		if err != nil {
			return fmt.Errorf("read, %d bytes missing: %w", n, err)
		}
	}
	return nil
}

// swap writes and reads n bytes at the same time.
func (c *Conn) swap(n int64) error {
	wrote := make(chan error, 1)
	go func() { wrote <- c.write(n) }()
	return errors.Join(c.read(n), <-wrote)
}

// drain reads until the peer's FIN or RST.
func (c *Conn) drain(int64) error {
	switch err := c.read(math.MaxInt64); {
	case errors.Is(err, io.EOF):
		c.eof = true
	case errors.Is(err, unix.ECONNRESET):
		c.end.Ending = Reset
	default:
		return err
	}
	return nil
}

// shutdown sends a FIN and goes on reading.
func (c *Conn) shutdown(int64) error { return c.tcp.CloseWrite() }

// await waits until the connection is in state CLOSE and its totals are final.
func (c *Conn) await(int64) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := tcpinfo.AwaitClosed(ctx, c.tcp)
	return err
}

// abort closes with a RST.
func (c *Conn) abort(int64) error {
	c.end.Ending = Aborted
	return errors.Join(c.observe(), c.tcp.SetLinger(0), c.tcp.Close())
}

// close closes the descriptor.
func (c *Conn) close(int64) error {
	if err := c.observe(); err != nil {
		return err
	}
	unread, err := queued(c.tcp, unix.SIOCINQ)
	if err != nil {
		return err
	}
	c.end.Unread = uint64(unread)
	if c.end.Ending == "" {
		c.end.Ending = c.ending()
	}
	return c.tcp.Close()
}

func (c *Conn) observe() (err error) {
	c.end.Info, err = tcpinfo.Get(c.tcp)
	return err
}

func (c *Conn) ending() Ending {
	switch {
	case c.end.Unread > 0:
		return Unread
	case c.eof:
		return Ordered
	default:
		return Orphan
	}
}
