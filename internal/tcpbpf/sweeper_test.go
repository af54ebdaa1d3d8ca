// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// TestSweepWithoutRecordIterator lets the kernel refuse the iterator over records, when it
// is loaded or not before it is attached. Open
// files lead to what processes hold, in whatever network namespace, and hash tables to
// what nobody holds: here a connection that is not accepted yet. Without either it is
// told at its end.
func TestSweepWithoutRecordIterator(t *testing.T) {
	for name, test := range map[string]struct {
		deny    func(...string) func(*ebpf.CollectionSpec)
		refused []string
		hook    string
		unheld  int // connections of those that no process holds
	}{
		"files and hash tables":             {unverifiable, []string{ProgramSweep}, "iter/task_file, iter/tcp", 1},
		"files alone":                       {unverifiable, []string{ProgramSweep, ProgramSweepHashed}, "iter/task_file", 0},
		"files and hash tables, unattached": {unattachable, []string{ProgramSweep}, "iter/task_file, iter/tcp", 1},
		"files alone, unattached":           {unattachable, []string{ProgramSweep, ProgramSweepHashed}, "iter/task_file", 0},
	} {
		t.Run(name, func(t *testing.T) {
			place := newPlace(t)
			k := observe(t, Config{tamper: test.deny(test.refused...)})
			require.Equal(t, test.hook, hookOf(k, "sweep").Name)
			require.NotEmpty(t, hookOf(k, "sweep").Lost)

			listener := place.Listen(place.IPv4.String() + ":0")
			var clients [2]net.Conn
			for i := range clients {
				var err error
				clients[i], err = place.Dial(listener.Addr().String())
				require.NoError(t, err)
				t.Cleanup(func() { _ = clients[i].Close() })
				_, err = clients[i].Write(make([]byte, 1000*(i+1)))
				require.NoError(t, err)
			}
			server, err := listener.Accept() // the first one
			require.NoError(t, err)
			t.Cleanup(func() { _ = server.Close() })

			for range 2 { // nothing is counted twice
				k.collect()
				client, server := k.sum(role(flow.RoleClient, place.here())), k.sum(role(flow.RoleServer, place.here()))
				require.EqualValues(t, 2, client.Live[unix.BPF_TCP_ESTABLISHED])
				require.EqualValues(t, 1+test.unheld, server.Live[unix.BPF_TCP_ESTABLISHED])
				require.Equal(t, [2]uint64{3000, 0}, client.Bytes)
				require.Equal(t, [2]uint64{0, 1000 + 2000*uint64(test.unheld)}, server.Bytes)
				require.Zero(t, k.report.Lost[flow.LostSweepSkipped])
			}
			for _, c := range clients {
				require.NoError(t, c.Close())
			}
			require.NoError(t, server.Close())
			require.NoError(t, listener.Close())
			k.untilClosed(4, place.here())
			require.Equal(t, [2]uint64{0, 3000}, k.sum(role(flow.RoleServer, place.here())).Bytes)
		})
	}
}

func hookOf(k *collector, job string) Hook {
	for _, h := range k.Hooks() {
		if h.Job == job {
			return h
		}
	}
	return Hook{}
}
