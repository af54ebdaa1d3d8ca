// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package tcpinfo reads a socket's totals by getsockopt(TCP_INFO): what the
// kernel tells the application that owns the socket.
//
// Totals rise until the state is CLOSE, because the closing handshake adds
// segments; and they cannot be read once the descriptor is closed. So the last
// word is had between the two, see [AwaitClosed].
package tcpinfo

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Info is the kernel's struct tcp_info. Fields that the running kernel does not
// know are zero: Rcv_wnd before 6.2, Total_rto* before 6.7.
type Info = unix.TCPInfo

// StateClose is the state of a socket whose totals are final (TCP_CLOSE).
const StateClose = 7

// Get reads the totals of an open connection.
func Get(conn syscall.Conn) (Info, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return Info{}, fmt.Errorf("read TCP_INFO: %w", err)
	}
	var info *Info
	var optErr error
	if err := raw.Control(func(fd uintptr) {
		info, optErr = unix.GetsockoptTCPInfo(int(fd), unix.SOL_TCP, unix.TCP_INFO)
	}); err != nil {
		return Info{}, fmt.Errorf("read TCP_INFO: %w", err)
	}
	if optErr != nil {
		return Info{}, fmt.Errorf("read TCP_INFO: %w", optErr)
	}
	return *info, nil
}

// AwaitClosed waits until a connection that both ends have shut down is in
// state CLOSE, and reads its final totals. The descriptor must still be open.
func AwaitClosed(ctx context.Context, conn syscall.Conn) (Info, error) {
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for {
		info, err := Get(conn)
		if err != nil || info.State == StateClose {
			return info, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return info, fmt.Errorf("await TCP state %d, have %d: %w", StateClose, info.State, ctx.Err())
		}
	}
}

// WaitClosed is [AwaitClosed] for a test, which fails after a minute.
func WaitClosed(t testing.TB, conn syscall.Conn) Info {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	info, err := AwaitClosed(ctx, conn)
	require.NoError(t, err)
	return info
}
