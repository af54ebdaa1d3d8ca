// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution

package distribution

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

const patience = time.Minute

// A collector is a command that runs the collector in a network namespace of
// its own, so that its ports are free, or, without one, where the test is. It ends with
// the test.
type collector struct {
	t      testing.TB
	ns     *netns.NS
	host   string // where it serves its pages
	cmd    *exec.Cmd
	output output
	exited chan error
}

// start runs a command in a folder. The command gets a process group, as a
// shell gives it one.
func start(t testing.TB, ns *netns.NS, folder, name string, args ...string) *collector {
	t.Helper()
	c := &collector{t: t, ns: ns, host: "127.0.0.1", cmd: exec.Command(name, args...), exited: make(chan error, 1)}
	c.cmd.Dir = folder
	c.cmd.Stdout = &c.output
	c.cmd.Stderr = &c.output
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	try := func(f func() error) error { return f() }
	if ns != nil {
		try = ns.Try
	}
	require.NoError(t, try(c.cmd.Start))
	t.Cleanup(func() { _ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) })
	go func() { c.exited <- c.cmd.Wait() }()
	return c
}

// binary starts bin/otelcol-tcpwhy on a configuration, in a folder with a place
// for its files. Further settings, as YAML, take the place of those in it.
func binary(t testing.TB, ns *netns.NS, folder, config string, settings ...string) *collector {
	t.Helper()
	command := commandOf(t, config, settings...)
	return start(t, ns, folder, command[0], command[1:]...)
}

func commandOf(t testing.TB, config string, settings ...string) []string {
	t.Helper()
	path, err := filepath.Abs("../../bin/otelcol-tcpwhy")
	require.NoError(t, err)
	config, err = filepath.Abs(config)
	require.NoError(t, err)
	command := []string{path, "--config", config}
	for _, setting := range settings {
		command = append(command, "--config", "yaml:"+setting)
	}
	return command
}

// makeRun starts the README's command.
func makeRun(t testing.TB, ns *netns.NS) *collector {
	t.Helper()
	return start(t, ns, "../..", "make", "run")
}

// awaitReady waits until the health check answers.
func (c *collector) awaitReady() {
	c.t.Helper()
	c.await("healthy", func() bool {
		status, _ := c.get(c.host+":13133", "/")
		return status == http.StatusOK
	})
}

// awaitLine waits until the collector prints a line with text in it.
func (c *collector) awaitLine(text string) {
	c.t.Helper()
	c.await("printing "+text, func() bool { return strings.Contains(c.output.String(), text) })
}

func (c *collector) await(what string, done func() bool) {
	c.t.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		select {
		case err := <-c.exited:
			require.FailNow(c.t, "exited before "+what, "%v\n%s", err, c.output.String())
		case <-time.After(50 * time.Millisecond):
		}
		require.True(c.t, time.Now().Before(deadline), "not %s after %s\n%s", what, patience, c.output.String())
	}
}

// signal sends a signal to the command and all that it started.
func (c *collector) signal(signal syscall.Signal) {
	c.t.Helper()
	require.NoError(c.t, syscall.Kill(-c.cmd.Process.Pid, signal))
}

// awaitExit returns what the command ended with.
func (c *collector) awaitExit() error {
	c.t.Helper()
	select {
	case err := <-c.exited:
		return err
	case <-time.After(patience):
		require.FailNow(c.t, "still running", "%s", c.output.String())
		return nil
	}
}

// get returns a page that the collector serves, and status 0 if it serves none.
func (c *collector) get(address, path string) (status int, body string) {
	c.t.Helper()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			if c.ns == nil {
				return net.Dial("tcp", address)
			}
			return c.ns.Dial(address)
		},
	}}
	response, err := client.Get("http://" + address + path)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	require.NoError(c.t, err)
	return response.StatusCode, string(page)
}

// An output collects what a command prints, on either stream.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
