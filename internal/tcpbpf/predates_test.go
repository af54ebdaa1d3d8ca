// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// TestConnectionsOlderThanKernel observes in a PID namespace of its own, so that
// the only processes whose old connections are found are that one's.
func TestConnectionsOlderThanKernel(t *testing.T) {
	root.Require(t)
	command := again(t, executable(t, "old"), actPredate, nil)
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	output, err := command.Output()
	require.NoError(t, err, "%s", command.Stderr)
	var reports []flow.Report
	require.NoError(t, json.Unmarshal(output, &reports))

	var described, missed, lost []uint64
	for _, r := range reports {
		described, missed = append(described, r.Described), append(missed, r.Missed)
		lost = append(lost, r.Lost[flow.LostPredates])
	}
	if !callbacksOfOlder(t) {
		require.Equal(t, []uint64{2 * oldConnections, 0, 0, 0}, lost)
		require.Equal(t, []uint64{2 * oldConnections, 2 * oldConnections}, missed[:2], "while all are open")
		return
	}
	require.Equal(t, make([]uint64, len(reports)), lost)
	require.Equal(t, make([]uint64, len(reports)), missed)
	// Both ends are ours, and another connection's, and the machine's others. What
	// was closed in an interval was in it.
	require.GreaterOrEqual(t, described[0], uint64(2*oldConnections+2))
	require.GreaterOrEqual(t, described[2], uint64(2*oldConnections+2))
}

const oldConnections = 10

// predate opens connections, then a kernel side, then another connection. It
// closes one old connection, then the rest, and prints a report each time.
func predate([]byte) error {
	old, err := connectPairs(oldConnections)
	if err != nil {
		return err
	}
	k, err := Open(Config{MaxFlows: 10_000})
	if err != nil {
		return err
	}
	young, err := connectPairs(1)
	if err != nil {
		return err
	}
	var reports []flow.Report
	for _, closing := range []int{0, 0, 2, 2 * (oldConnections - 1)} {
		for _, end := range old[:closing] {
			err = errors.Join(err, end.Close())
		}
		old = old[closing:]
		r, collectErr := k.Collect(context.Background(), func(*flow.Delta) {})
		err = errors.Join(err, collectErr)
		reports = append(reports, r)
	}
	runtime.KeepAlive(young) // else it may be closed before
	return errors.Join(err, k.Close(), json.NewEncoder(os.Stdout).Encode(reports))
}

// connectPairs returns both ends of connections, one after the other.
func connectPairs(n int) (ends []io.Closer, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	for range n {
		client, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			return nil, err
		}
		server, err := listener.Accept()
		if err != nil {
			return nil, err
		}
		ends = append(ends, client, server)
	}
	return ends, nil
}
