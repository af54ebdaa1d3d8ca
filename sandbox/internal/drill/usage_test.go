// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// What the meter counts is compared with what getrusage says of this process.
func TestMeter(t *testing.T) {
	m, err := startMeter(os.Getpid(), []int{os.Getpid()})
	require.NoError(t, err)
	before := mine(t)
	for mine(t)-before < 300*time.Millisecond {
		_ = make([]byte, 1<<10)
	}
	took := mine(t) - before
	l, err := m.stop()
	require.NoError(t, err)
	require.InDelta(t, took.Seconds(), l.Collector.CPU*l.Seconds, .1, "a few of the kernel's ticks")
	require.InDelta(t, l.Collector.CPU, l.Shop.CPU, .1/l.Seconds)
	require.Greater(t, l.Busy*l.Seconds, took.Seconds()-.1)
	require.LessOrEqual(t, l.Busy, float64(l.CPUs)+.1)
	require.Positive(t, l.CPUs)
	require.Greater(t, l.Collector.Peak, l.Collector.Memory/2)
	require.Greater(t, l.Collector.Memory, int64(1<<20))
	cpu, _ := l.Share()
	require.InDelta(t, .5, cpu, .2)
}

func mine(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	require.NoError(t, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestParseStat(t *testing.T) {
	ticks, err := parseStat("7 (a) b) S 1 2 3 4 5 6 7 8 9 10 30 12 13 14")
	require.NoError(t, err)
	require.EqualValues(t, 42, ticks)
	_, err = parseStat("7 (a) S 1")
	require.EqualError(t, err, "2 fields are fewer than 13")
}

func TestParseMachine(t *testing.T) {
	sum, cpus, err := parseMachine("cpu  1 2 3 400 500 6 7 8 0 0\ncpu0 1 2 3 400 500 6 7 8 0 0\nintr 5\n")
	require.NoError(t, err)
	require.Equal(t, 1, cpus)
	require.Equal(t, 27*tick, sum)
}
