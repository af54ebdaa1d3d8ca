// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/impair"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/line"
)

// A remote is a node's process.
type remote struct {
	process *os.Process
	in      io.Writer
	out     *bufio.Reader
}

func start(t *testing.T, at host) *remote {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "node")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	at.do(t, cmd.Start)
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGCONT)
		_ = in.Close()
		require.NoError(t, cmd.Wait())
	})
	return &remote{cmd.Process, in, bufio.NewReader(out)}
}

func (r *remote) tell(t *testing.T, c Command) Reply {
	t.Helper()
	reply, err := line.Ask[Command, Reply](r.in, r.out, c)
	require.NoError(t, err)
	require.Empty(t, reply.Error)
	return reply
}

// talk makes exchanges over new connections, and is done when both ends of these are closed.
func talk(t *testing.T, client host, listener net.Listener, connections, exchanges int) {
	t.Helper()
	client.do(t, func() error {
		for range connections {
			conn, err := net.DialTimeout("tcp4", listener.Addr().String(), 20*time.Second)
			if err != nil {
				return err
			}
			peer, err := listener.Accept()
			if err != nil {
				return err
			}
			buffer := make([]byte, 1000) // a segment
			for range exchanges {
				for _, way := range [][2]net.Conn{{conn, peer}, {peer, conn}} {
					_ = way[1].SetReadDeadline(time.Now().Add(20 * time.Second))
					if _, err := way[0].Write(buffer); err != nil {
						return err
					}
					if _, err := io.ReadFull(way[1], buffer); err != nil {
						return err
					}
				}
			}
			_ = conn.Close()
			_ = peer.Close()
		}
		return nil
	})
}

// TestChosenPackets has what both ends' kernels counted bear witness of what was done to
// packets between them. Those to which nothing is done do not wait for the node's process:
// they pass while it is stopped.
func TestChosenPackets(t *testing.T) {
	for name, config := range map[string]impair.Config{"dropped": {Loss: .02, Seed: 9}, "twice": {Duplicate: .05, Seed: 9}} {
		t.Run(name, func(t *testing.T) {
			client, between, server := pair(t)
			client.count(t)
			server.count(t)
			one := start(t, between)
			one.tell(t, Command{Services: []Service{{Address: "10.96.0.1", Port: 80, Pods: []string{"10.9.0.3"}}}})
			var listener net.Listener
			server.do(t, func() (err error) {
				listener, err = net.Listen("tcp4", "10.9.0.3:0")
				return err
			})
			defer func() { _ = listener.Close() }()
			truth := filepath.Join(t.TempDir(), "truth.csv")
			both := []string{"10.9.0.2", "10.9.0.3"}
			one.tell(t, Command{Add: &Fault{ID: 7, Ways: []Way{{both, both}}, Impair: &config, Truth: truth}})

			talk(t, client, listener, 10, 20)
			require.NoError(t, one.process.Signal(syscall.SIGSTOP))
			talk(t, client, listener, 5, 20)
			require.NoError(t, one.process.Signal(syscall.SIGCONT))

			var stats impair.Stats
			var told string
			settled := func() bool { // what comes twice and late is answered, too
				stats = one.tell(t, Command{}).Stats[7]
				at, bad, left := client.packets(t)
				came, broken, gone := server.packets(t)
				told = fmt.Sprintf("%d went out, %d came in, %d of them broken: %+v", left+gone, at+came, bad+broken, stats)
				return int(stats.Packets) == left+gone && at+came == left+gone+int(stats.Twice)-int(stats.Dropped) && bad+broken == 0
			}
			assert.Eventually(t, settled, 10*time.Second, 50*time.Millisecond)
			require.False(t, t.Failed(), told)
			require.Positive(t, stats.Twice+stats.Dropped)
			require.Equal(t, stats, one.tell(t, Command{Remove: 7}).Stats[7])
			raw, err := os.ReadFile(truth)
			require.NoError(t, err)
			require.EqualValues(t, stats.Twice+stats.Dropped, strings.Count(string(raw), ","+name+","))
		})
	}
}
