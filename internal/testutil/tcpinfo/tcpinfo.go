// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package tcpinfo reads a socket's totals by getsockopt(TCP_INFO): what the
// kernel tells the application that owns the socket.
//
// Totals rise until the state is CLOSE, because the closing handshake adds
// segments, and by those that found their socket before and were overtaken by its
// end; and they cannot be read once the descriptor is closed. So the last word is
// had between the two, see [AwaitClosed].
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
// state CLOSE and no segment is on its way to it, and reads its final totals. The
// descriptor must still be open.
func AwaitClosed(ctx context.Context, conn syscall.Conn) (Info, error) {
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for {
		info, err := Get(conn)
		if err != nil {
			return info, err
		}
		if info.State == StateClose {
			return settled(conn)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return info, fmt.Errorf("await TCP state %d, have %d: %w", StateClose, info.State, ctx.Err())
		}
	}
}

// settled reads the totals of a socket that nobody finds any more, when all who have
// found it are done: the kernel looks for it and counts what comes within one section
// of RCU, or leaves it to who holds the socket, which the first reading does and ends.
func settled(conn syscall.Conn) (Info, error) {
	const global = 1 // MEMBARRIER_CMD_GLOBAL waits for all sections (kernel/sched/membarrier.c)
	if _, _, errno := unix.Syscall(unix.SYS_MEMBARRIER, global, 0, 0); errno != 0 {
		return Info{}, fmt.Errorf("wait for other CPUs: %w", errno)
	}
	if _, err := Get(conn); err != nil {
		return Info{}, err
	}
	return Get(conn)
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
