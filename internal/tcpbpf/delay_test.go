// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/impair"
	"github.com/tcpwhy/tcpwhy/internal/testutil/rttlog"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestDelay puts a delay on the path of requests and responses: no round trip
// takes less, and 99 of 100 take at most 5 ms more. What the machine holds up is
// late in the log as well, so a busy machine has ten attempts at the latter.
func TestDelay(t *testing.T) {
	for _, delay := range []time.Duration{10 * time.Millisecond, 40 * time.Millisecond, 100 * time.Millisecond} {
		t.Run(delay.String(), func(t *testing.T) {
			for attempt := 1; !delayed(t, delay); attempt++ {
				require.Less(t, attempt, 10, "99 of 100 are not within 5 ms")
			}
		})
	}
}

// delayed reports whether 99 of 100 round trips took at most 5 ms longer than the
// delay. The link and both ends are processes of their own: in one, they would wait
// for each other in Go's scheduler.
func delayed(t *testing.T, delay time.Duration) bool {
	const connections, rounds = 5, 20
	half := impair.Config{Delay: delay / 2}
	link := impair.New(t, half, half)
	client, server := traffic.Start(t, link.A.NS, "client"), traffic.Start(t, link.B.NS, "server")
	k := observe(t, Config{Granularity: GranularityConnection})
	log := rttlog.Start(t, cgroup.Root(t), link.A.NS)
	for _, pid := range []int{os.Getpid(), client.PID, server.PID} {
		hurry(t, pid)
	}
	traffic.Between(link.A.NS, link.B.NS, link.B.IPv4).
		RunBetween(t, client, server, connections, connections, traffic.Exchange(rounds, 100, 100))

	have := make(trips)
	have.collect(k, func(key flow.Key) bool { return int(key.Owner.PID()) == client.PID })
	requireTrips(t, logged(log.Samples(), GranularityConnection), have)

	var within, all int
	for _, s := range log.Samples() {
		if !counts(s) {
			continue
		}
		rtt := time.Duration(s.RttUs) * time.Microsecond
		require.GreaterOrEqual(t, rtt, delay)
		all++
		if rtt <= delay+5*time.Millisecond {
			within++
		}
	}
	t.Logf("%d of %d samples within 5 ms", within, all)
	require.GreaterOrEqual(t, all, connections*rounds)
	return within*100 >= all*99
}

// hurry lets a process take precedence over the rest of the machine until the
// test ends.
func hurry(t *testing.T, pid int) {
	schedule(t, pid, unix.SchedAttr{Policy: unix.SCHED_RR, Priority: 1})
	t.Cleanup(func() {
		if unix.Kill(pid, 0) == nil {
			schedule(t, pid, unix.SchedAttr{Policy: unix.SCHED_NORMAL})
		}
	})
}

// schedule sets the policy of a process's threads.
func schedule(t *testing.T, pid int, attr unix.SchedAttr) {
	t.Helper()
	attr.Size = unix.SizeofSchedAttr
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	require.NoError(t, err)
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		require.NoError(t, err)
		if err := unix.SchedSetAttr(id, &attr, 0); !errors.Is(err, unix.ESRCH) {
			require.NoError(t, err)
		}
	}
}
