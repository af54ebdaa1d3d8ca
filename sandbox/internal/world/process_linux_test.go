// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The witness is what the kernel tells a process of itself.
func TestNeed(t *testing.T) {
	const age = 100 * time.Second
	p := &Process{cmd: &exec.Cmd{Process: &os.Process{Pid: os.Getpid()}}, began: time.Now().Add(-age)}
	least := used(t).Seconds() / time.Since(p.began).Seconds()
	need, err := p.need(true)
	require.NoError(t, err)
	most := used(t).Seconds() / age.Seconds()
	require.GreaterOrEqual(t, need, least*.99)
	require.LessOrEqual(t, need, most*1.01)

	again, err := p.need(true)
	require.NoError(t, err)
	require.Equal(t, need, again, "what it takes while it is limited is not what it needs")
	none, err := p.need(false)
	require.NoError(t, err)
	require.Zero(t, none)

	gone := &Process{cmd: &exec.Cmd{Process: &os.Process{Pid: 1 << 22}}, began: p.began}
	_, err = gone.need(true)
	require.ErrorContains(t, err, "read what process 4194304 took")
}

func used(t *testing.T) time.Duration {
	var usage unix.Rusage
	require.NoError(t, unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
