// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic

import (
	"encoding/json"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/socket"
)

// A Process is an application in a process of its own: the test's binary under
// another name. It obeys one order after the other.
type Process struct {
	PID  int
	Name string // basename of its executable

	t       testing.TB
	command *exec.Cmd
	stdin   io.Closer
	orders  *json.Encoder
	answers *json.Decoder
}

// Start starts a process in a namespace. It ends with the test, also if the
// test is killed. The package's TestMain must call [Child].
func Start(t testing.TB, ns *netns.NS, name string) *Process {
	t.Helper()
	command := exec.Command(executable(t, name))
	command.Env = append(os.Environ(), childVariable+"=1")
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	require.NoError(t, err)
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, ns.Try(command.Start), "start %s", name)

	p := &Process{
		PID: command.Process.Pid, Name: name,
		t: t, command: command, stdin: stdin,
		orders: json.NewEncoder(stdin), answers: json.NewDecoder(stdout),
	}
	t.Cleanup(p.Stop)
	return p
}

// executable returns the path of the running binary under another name. A link
// will do: the kernel knows an executable by the name it was opened by.
func executable(t testing.TB, name string) string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), name)
	if os.Link(self, path) == nil {
		return path
	}
	content, err := os.ReadFile(self) // another file system
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, content, 0o700))
	return path
}

// Stop ends the process and waits for it. It may be called again.
func (p *Process) Stop() {
	_ = p.stdin.Close()
	slow := time.AfterFunc(10*time.Second, func() { _ = p.command.Process.Kill() })
	defer slow.Stop()
	_ = p.command.Wait()
}

// Listen opens a listener, in place of the one before, and returns its address.
func (p *Process) Listen(config socket.Config, at netip.AddrPort) netip.AddrPort {
	p.t.Helper()
	return p.send(order{Task: listen, Socket: config, Address: at})().Address
}

// Serve lets the process serve its listener's next n connections. The returned
// function waits for them.
func (p *Process) Serve(config socket.Config, n int, script Script) func() []End {
	p.t.Helper()
	return ends(p.send(order{Task: serve, Socket: config, Connections: n, Script: script}))
}

// Connect lets the process open n connections to an address, k at a time. The
// returned function waits for them.
func (p *Process) Connect(path Path, to netip.AddrPort, n, k int, script Script) func() []End {
	p.t.Helper()
	return ends(p.send(order{
		Task: connect, Socket: path.Socket, Address: to, Sources: path.Sources,
		Connections: n, Parallel: k, Script: script,
	}))
}

// send gives an order. The returned function waits until it was obeyed.
func (p *Process) send(o order) func() answer {
	p.t.Helper()
	require.NoError(p.t, p.orders.Encode(o), "order %s to %s", o.Task, p.Name)
	return func() (a answer) {
		p.t.Helper()
		require.NoError(p.t, p.answers.Decode(&a), "answer of %s to %s", p.Name, o.Task)
		require.Empty(p.t, a.Error, "answer of %s to %s", p.Name, o.Task)
		return a
	}
}

func ends(wait func() answer) func() []End {
	return func() []End { return wait().Ends }
}
