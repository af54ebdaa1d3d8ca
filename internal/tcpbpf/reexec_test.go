// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// actVariable tells this test binary, executed again, what to do instead of
// testing; argumentVariable with what, in JSON.
const (
	actVariable      = "TCPWHY_TCPBPF_ACT"
	argumentVariable = "TCPWHY_TCPBPF_ARGUMENT"
)

// Acts of processes of their own.
const (
	actConnect = "connect" // to an address, and exit at once
	actOpen    = "open"    // a kernel side on a machine that lacks something
	actHold    = "hold"    // a kernel side open until killed
	actPredate = "predate" // a kernel side by connections
	actBan     = "ban"     // a kernel side while a system call fails
)

var acts = map[string]func(argument []byte) error{
	actConnect: connectAndExit,
	actOpen:    openWithout,
	actHold:    holdOpen,
	actPredate: predate,
	actBan:     openBanned,

	actExecute:  connectAndExecute,
	actRace:     connectAtOnce,
	actObey:     obey,
	actServe:    serveInherited,
	actActivate: activate,
	actService:  serveActivated,
}

// An init function runs before the testing machinery: a process should live no
// longer than what it is to do.
func init() {
	name, is := os.LookupEnv(actVariable)
	if !is {
		return
	}
	act := acts[name]
	if act == nil { // or it would run all tests
		fmt.Fprintf(os.Stderr, "find act %q: there is none\n", name)
		os.Exit(1)
	}
	if err := act([]byte(os.Getenv(argumentVariable))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// again returns a command that executes this binary for an act.
func again(t testing.TB, executable, act string, argument any) *exec.Cmd {
	t.Helper()
	encoded, err := json.Marshal(argument)
	require.NoError(t, err)
	command := exec.Command(executable)
	command.Env = append(os.Environ(), actVariable+"="+act, argumentVariable+"="+string(encoded))
	command.Stderr = new(bytes.Buffer)
	return command
}

// executable returns the path of this binary under another name, by which the
// kernel knows it.
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

func connectAndExit(argument []byte) error {
	var address string
	if err := json.Unmarshal(argument, &address); err != nil {
		return err
	}
	_, err := net.Dial("tcp", address)
	return err
}
