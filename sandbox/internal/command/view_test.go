// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
)

// A terminal is a pseudo terminal with a program in it.
type terminal struct {
	*testing.T
	pty   *os.File
	ended chan error

	mu     sync.Mutex
	screen *vt.Emulator
}

func startIn(t *testing.T, cmd *exec.Cmd, width, height int) *terminal {
	t.Helper()
	cmd.Env = append(os.Environ(), "TERM=xterm-256color")
	file, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: uint16(width), Rows: uint16(height)})
	require.NoError(t, err)
	term := &terminal{T: t, pty: file, ended: make(chan error, 1), screen: vt.NewEmulator(width, height)}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = file.Close() })
	go func() { _, _ = io.Copy(file, term.screen) }() // what a terminal answers
	go func() {
		buffer := make([]byte, 1<<12)
		for {
			n, err := file.Read(buffer)
			if err != nil {
				term.ended <- cmd.Wait()
				return
			}
			term.mu.Lock()
			_, _ = term.screen.Write(buffer[:n])
			term.mu.Unlock()
		}
	}()
	return term
}

func (t *terminal) shown() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.screen.String()
}

// await waits until the screen has all these texts.
func (t *terminal) await(texts ...string) {
	t.Helper()
	for until := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		shown, missing := t.shown(), ""
		for _, text := range texts {
			if !strings.Contains(shown, text) {
				missing = text
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("%q is not on the screen:\n%s", missing, shown)
		}
	}
}

func (t *terminal) press(keys string) {
	t.Helper()
	_, err := io.WriteString(t.pty, keys)
	require.NoError(t, err)
}

// choose moves the cursor down until it is at an option, and takes that.
func (t *terminal) choose(option string) {
	t.Helper()
	at := "[" + option + "]"
	for range 60 {
		if strings.Contains(t.shown(), at) {
			t.press("\r")
			t.changes(func(shown string) bool { return !strings.Contains(shown, at) })
			return
		}
		before := t.shown()
		t.press("\x1b[B")
		t.changes(func(shown string) bool { return shown != before })
	}
	t.Fatalf("there is no %q to choose:\n%s", option, t.shown())
}

// changes waits until the screen is as it should be after a key.
func (t *terminal) changes(as func(shown string) bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); !as(t.shown()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("a key does nothing:\n%s", t.shown())
		}
	}
}

// A person injects a fault into one instance and another one into all, in a terminal of
// 80 x 24 that becomes larger, and leaves. The shop's own history says the same.
func TestViewInATerminal(t *testing.T) {
	folder := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	out, err := sandbox(t, folder, "up", "--load=2", "--collector="+self).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "A collector watches.")
	t.Cleanup(func() { _ = sandbox(t, folder, "down").Run() })

	term := startIn(t, sandbox(t, folder, "view"), 80, 24)
	term.await("SERVICES", "j http/1.1", "FAULTS", "PROBLEMS", said, "[service-a] b  c", "q quit")

	term.choose("service-j")
	term.await("INJECT  service-j: choose a class of fault")
	term.choose("network")
	term.choose("loss-10")
	term.choose("pair service-j → service-k")
	term.await("  1 active", "loss-10, pair service-j → service-k", "INJECT  choose a service")

	term.press("l")
	term.await("  1 ended")

	require.NoError(t, pty.Setsize(term.pty, &pty.Winsize{Cols: 120, Rows: 40}))
	term.mu.Lock()
	term.screen.Resize(120, 40)
	term.mu.Unlock()
	term.choose("service-l")
	term.choose("database")
	term.choose("database-stall")
	term.choose("all instances")
	term.await("  1 ended", "  2 active", "database-stall, workload service-l")
	lines := strings.Split(strings.TrimRight(term.shown(), "\n "), "\n")
	require.Len(t, lines, 40, "all of the larger terminal is used")
	require.Contains(t, lines[39], "q quit")

	for range 3 { // back from what was begun to choose
		term.press("\x1b[D")
	}
	term.press("q")
	select {
	case err := <-term.ended:
		require.NoError(t, err)
	case <-time.After(30 * time.Second):
		t.Fatal("it does not end by q")
	}

	history, err := sandbox(t, folder, "history").CombinedOutput()
	require.NoError(t, err)
	require.Regexp(t, `1 +loss-10 +pair service-j → service-k +ended`, string(history))
	require.Regexp(t, `2 +database-stall +workload service-l +active`, string(history))
}
