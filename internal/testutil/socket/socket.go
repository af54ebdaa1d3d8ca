// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package socket opens plain TCP sockets in the calling thread's network
// namespace: no Multipath TCP, which Go's listeners speak by default, and no
// keepalives, which add segments that no application caused.
package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Config says how sockets are made. The zero value is Go's way: Nagle's
// algorithm off, everything else as the kernel has it.
type Config struct {
	Congestion    string // algorithm such as "cubic"
	ReceiveBuffer int    // SO_RCVBUF in bytes, which locks the buffer's size
	SendBuffer    int    // SO_SNDBUF likewise
	Nagle         bool   // small writes wait for outstanding acknowledgements
	Mapped        bool   // IPv4 through IPv6 sockets
	FastOpen      bool   // TCP Fast Open: a client's SYN waits for its first write
	MPTCP         bool   // Multipath TCP
}

// Listen opens a listener at an address whose port may be 0. Mapped, it takes
// IPv4 and IPv6 at all addresses.
func (c Config) Listen(address netip.AddrPort) (*net.TCPListener, error) {
	if c.Mapped {
		address = netip.AddrPortFrom(netip.IPv6Unspecified(), address.Port())
	}
	config := net.ListenConfig{KeepAlive: -1, Control: c.control(fastOpenServer)}
	config.SetMultipathTCP(c.MPTCP)
	listener, err := config.Listen(context.Background(), "tcp", address.String())
	if err != nil {
		return nil, err
	}
	return listener.(*net.TCPListener), nil
}

// Accept takes the next connection of a listener.
func (c Config) Accept(listener *net.TCPListener) (*net.TCPConn, error) {
	conn, err := listener.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return conn, conn.SetNoDelay(!c.Nagle)
}

// Dial connects to an address, from one whose port may be 0 or from the zero
// value if the kernel is to choose.
func (c Config) Dial(local, remote netip.AddrPort) (*net.TCPConn, error) {
	conn, err := c.dial(local, remote)
	if err != nil {
		return nil, err
	}
	return conn, conn.SetNoDelay(!c.Nagle)
}

func (c Config) dial(local, remote netip.AddrPort) (*net.TCPConn, error) {
	if c.Mapped {
		return c.dialMapped(local, remote)
	}
	dialer := net.Dialer{KeepAlive: -1, Control: c.control(fastOpenClient)}
	dialer.SetMultipathTCP(c.MPTCP)
	if local.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(local)
	}
	conn, err := dialer.Dial("tcp", remote.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// dialMapped connects an IPv6 socket to an IPv4 address. Package net would take
// an IPv4 socket.
func (c Config) dialMapped(local, remote netip.AddrPort) (_ *net.TCPConn, err error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	file := os.NewFile(uintptr(fd), "mapped")
	defer func() { err = errors.Join(err, file.Close()) }()

	if err := c.prepare(fd, fastOpenClient); err != nil {
		return nil, err
	}
	if local.IsValid() {
		if err := unix.Bind(fd, mapped(local)); err != nil {
			return nil, fmt.Errorf("bind to %s: %w", local, err)
		}
	}
	if err := unix.Connect(fd, mapped(remote)); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", remote, err)
	}
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("wrap socket: %w", err)
	}
	return conn.(*net.TCPConn), nil
}

func mapped(a netip.AddrPort) *unix.SockaddrInet6 {
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// Options of TCP Fast Open, on a listener the number of connections that may wait
// for the end of their handshake.
const (
	fastOpenClient = unix.TCP_FASTOPEN_CONNECT
	fastOpenServer = unix.TCP_FASTOPEN

	fastOpenQueue = 1024
)

// control prepares a socket of package net before it is bound.
func (c Config) control(fastOpen int) func(_, _ string, conn syscall.RawConn) error {
	return func(_, _ string, conn syscall.RawConn) (err error) {
		if e := conn.Control(func(fd uintptr) { err = c.prepare(int(fd), fastOpen) }); e != nil {
			return e
		}
		return err
	}
}

// prepare sets what must be there before bind and connect. The source port is
// left to connect, which may reuse one towards another destination; bind would
// have to find a free one.
func (c Config) prepare(fd, fastOpen int) error {
	err := unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	// Sockets of Multipath TCP do not take it on 6.1, and package net would quietly go
	// on without Multipath TCP.
	if err != nil && (!c.MPTCP || !errors.Is(err, unix.EOPNOTSUPP)) {
		return fmt.Errorf("bind late: %w", err)
	}
	if c.FastOpen {
		value := 1
		if fastOpen == fastOpenServer {
			value = fastOpenQueue
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_TCP, fastOpen, value); err != nil {
			return fmt.Errorf("choose TCP Fast Open: %w", err)
		}
	}
	if c.ReceiveBuffer > 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, c.ReceiveBuffer); err != nil {
			return fmt.Errorf("set receive buffer: %w", err)
		}
	}
	if c.SendBuffer > 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, c.SendBuffer); err != nil {
			return fmt.Errorf("set send buffer: %w", err)
		}
	}
	if c.Congestion == "" {
		return nil
	}
	if err := unix.SetsockoptString(fd, unix.SOL_TCP, unix.TCP_CONGESTION, c.Congestion); err != nil {
		return fmt.Errorf("choose congestion control %q: %w", c.Congestion, err)
	}
	return nil
}
