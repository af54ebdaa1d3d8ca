// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"os/signal"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A signal that nobody waits for would end the test, too.
func TestUntilStopped(t *testing.T) {
	for _, one := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if one == syscall.SIGHUP && signal.Ignored(one) {
			continue // the test is to survive that itself
		}
		ctx, stop := untilStopped()
		require.NoError(t, ctx.Err())
		require.NoError(t, syscall.Kill(syscall.Getpid(), one))
		<-ctx.Done()
		stop()
	}
}

func TestNohup(t *testing.T) {
	signal.Ignore(syscall.SIGHUP)
	defer signal.Reset(syscall.SIGHUP)
	ctx, stop := untilStopped()
	defer stop()
	require.True(t, signal.Ignored(syscall.SIGHUP), "it goes on being ignored")
	require.NoError(t, syscall.Kill(syscall.Getpid(), syscall.SIGHUP))
	require.NoError(t, ctx.Err())
}
