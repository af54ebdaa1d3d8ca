// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package netns

import (
	"context"
	"fmt"
	"net"
	"syscall"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Listen opens a TCP listener in the namespace at an address such as
// "127.0.0.1:0". It is closed with the test.
func (n *NS) Listen(address string) *net.TCPListener {
	n.t.Helper()
	config := net.ListenConfig{KeepAlive: -1, Control: n.control}
	// Since Go 1.24 listeners speak Multipath TCP where the kernel can.
	config.SetMultipathTCP(false)

	var listener net.Listener
	n.Do(func() {
		var err error
		listener, err = config.Listen(context.Background(), "tcp", address)
		require.NoError(n.t, err)
	})
	n.t.Cleanup(func() { _ = listener.Close() })
	return listener.(*net.TCPListener)
}

// Dial connects from the namespace to a literal address.
func (n *NS) Dial(address string) (*net.TCPConn, error) {
	return n.DialFrom(nil, address)
}

// DialFrom is [NS.Dial] from a local address whose port may be 0.
func (n *NS) DialFrom(local *net.TCPAddr, address string) (*net.TCPConn, error) {
	dialer := net.Dialer{KeepAlive: -1, Control: n.control}
	if local != nil {
		dialer.LocalAddr = local
	}

	var conn net.Conn
	err := n.do(func() (err error) {
		conn, err = dialer.Dial("tcp", address)
		return err
	})
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// control prepares a socket before it is bound.
func (n *NS) control(_, _ string, conn syscall.RawConn) error {
	var err error
	if e := conn.Control(func(fd uintptr) { err = n.Prepare(int(fd)) }); e != nil {
		return e
	}
	return err
}

// Prepare gives a socket what all of the namespace have: the algorithm of
// [CongestionControl], and a source port that connect chooses, which may reuse
// one towards another destination where bind would have to find a free one.
func (n *NS) Prepare(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return fmt.Errorf("bind late: %w", err)
	}
	if n.congestion == "" {
		return nil
	}
	if err := unix.SetsockoptString(fd, unix.SOL_TCP, unix.TCP_CONGESTION, n.congestion); err != nil {
		return fmt.Errorf("choose congestion control %q: %w", n.congestion, err)
	}
	return nil
}
