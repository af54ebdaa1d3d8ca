// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kernel

import (
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/uring"
)

func probeIOUring(testing.TB) error {
	ring, err := uring.New()
	if err != nil {
		return err
	}
	return ring.Close()
}

// probeKernelTLS asks for it on a socket that is not connected: a kernel that has it
// complains about that, and about nothing else.
func probeKernelTLS(testing.TB) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.SetsockoptString(fd, unix.SOL_TCP, unix.TCP_ULP, "tls"); err != nil && !errors.Is(err, unix.ENOTCONN) {
		return fmt.Errorf("choose kTLS: %w", err)
	}
	return nil
}

func probeMPTCP(testing.TB) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_MPTCP)
	if err != nil {
		return fmt.Errorf("open socket of Multipath TCP: %w", err)
	}
	return unix.Close(fd)
}
