// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// gather writes n bytes, at most two chunks, by one call.
func (c *Conn) gather(n int64) error {
	pieces := net.Buffers{zeros[:n/2], zeros[:n-n/2]}
	done, err := pieces.WriteTo(c.tcp)
	c.end.Written += uint64(done)
	if err != nil {
		return fmt.Errorf("gather: %w", err)
	}
	return nil
}

func (c *Conn) cork(int64) error   { return c.set(unix.SOL_TCP, unix.TCP_CORK, 1) }
func (c *Conn) uncork(int64) error { return c.set(unix.SOL_TCP, unix.TCP_CORK, 0) }

func (c *Conn) set(level, option, value int) error {
	raw, err := c.tcp.SyscallConn()
	if err != nil {
		return err
	}
	e := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, option, value) })
	return errors.Join(e, err)
}
