// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Guests are asked to end before the shop does, and who does not is killed.
func TestGuestsEnd(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("TCPWHY_REQUIRE_ROOT") != "" {
			t.Fatal("cgroups need root, and TCPWHY_REQUIRE_ROOT is set")
		}
		t.Skip("cgroups need root")
	}
	for script, want := range map[string]string{
		"echo; read line":                                 "signal: terminated",
		"trap 'exit 7' TERM; echo; read line":             "exit status 7",
		"trap '' TERM; echo; while read line; do :; done": "signal: killed",
	} {
		all, err := hierarchies(fmt.Sprintf("tcpwhy-test-%d", os.Getpid()))
		require.NoError(t, err)
		w := &World{hierarchies: all}
		cmd := exec.Command("sh", "-c", script)
		_, err = cmd.StdinPipe()
		require.NoError(t, err)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		require.NoError(t, cmd.Start())
		_, err = out.Read(make([]byte, 1)) // it has begun
		require.NoError(t, err)
		require.NoError(t, w.Adopt(cmd.Process.Pid))
		require.Equal(t, []int{cmd.Process.Pid}, w.guests())
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		in := time.Hour // nobody waits for long
		if want == "signal: killed" {
			in = 0
		}
		w.endGuests(in)
		require.EqualError(t, <-ended, want)
		require.NoError(t, w.Close())
	}
}
