// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

func TestCrowdHoldsItsConnections(t *testing.T) {
	root.Require(t)
	require.NoError(t, withCrowd(300, 7, func(c *crowd) error {
		require.NoError(t, c.exchange(2))
		require.Equal(t, 2*300, established(t, c.namespace))
		return nil
	}))
}

// established counts sockets of a namespace.
func established(t *testing.T, namespace *os.File) (n int) {
	t.Helper()
	var raw []byte
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread is lost to others
		err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET)
		var errRead error
		raw, errRead = os.ReadFile("/proc/thread-self/net/tcp")
		result <- errors.Join(err, errRead)
	}()
	require.NoError(t, <-result)
	for line := range strings.Lines(string(raw)) {
		if strings.Fields(line)[3] == "01" { // TCP_ESTABLISHED
			n++
		}
	}
	return n
}
