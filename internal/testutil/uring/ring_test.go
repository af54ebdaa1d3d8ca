// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package uring_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/kernel"
	"github.com/tcpwhy/tcpwhy/internal/testutil/uring"
)

func TestSendAndReceive(t *testing.T) {
	kernel.Require(t, kernel.IOUring)
	ring, err := uring.New()
	require.NoError(t, err)
	defer func() { require.NoError(t, ring.Close()) }()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	defer func() { _, _ = unix.Close(pair[0]), unix.Close(pair[1]) }()

	for range 20 { // several times around
		n, err := ring.Do(uring.Send, pair[0], []byte("bytes"))
		require.NoError(t, err)
		require.Equal(t, 5, n)
		buffer := make([]byte, 10)
		n, err = ring.Do(uring.Receive, pair[1], buffer)
		require.NoError(t, err)
		require.Equal(t, "bytes", string(buffer[:n]))
	}
	_, err = ring.Do(uring.Send, -1, []byte("bytes"))
	require.ErrorIs(t, err, unix.EBADF)
}
