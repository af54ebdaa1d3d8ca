// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whoever is stopped, killed or crashes, while it starts or later, leaves nothing. SIGABRT
// is a crash: a Go program ends by it as by a panic, and cleans nothing up.
func TestNothingIsLeft(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	for _, test := range []struct {
		verb   string
		signal syscall.Signal
		early  bool
	}{
		{"up", syscall.SIGINT, true},
		{"supervise", syscall.SIGKILL, false},
		{"supervise", syscall.SIGABRT, true},
		{"drill", syscall.SIGINT, false},
		{"drill", syscall.SIGKILL, false},
		{"demo", syscall.SIGINT, true},
		{"demo", syscall.SIGABRT, false},
	} {
		name := test.verb + " " + test.signal.String()
		if test.early {
			name += " early"
		}
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			cmd := sandbox(t, folder, test.verb, "--load=1")
			wanted := 36 + 3 + 2 // pods, nodes, who keeps them, and the reaper
			if test.verb == "drill" || test.verb == "demo" {
				cmd.Args = append(cmd.Args, "--collector="+self, "--out="+t.TempDir())
				wanted++
			}
			if test.early {
				wanted = 10
			}
			cmd.Env = append(os.Environ(), mark+folder)
			before, links := rules(t), interfaces(t)
			require.NoError(t, cmd.Start())
			t.Cleanup(func() { _ = cmd.Process.Kill() })
			waitFor(t, func() bool { return len(marked(t, folder)) >= wanted })
			if !test.early { // consoles see it, whoever runs it
				waitFor(t, func() bool {
					out, err := sandbox(t, folder, "status").CombinedOutput()
					return err == nil && strings.Contains(string(out), "service-q-0")
				})
			}
			namespaces, cgroups := namespacesOf(t, marked(t, folder)), cgroupsOf(t, folder)
			require.Greater(t, len(namespaces), 5)
			require.NoError(t, cmd.Process.Signal(test.signal))
			_ = cmd.Wait()

			waitFor(t, func() bool { return len(marked(t, folder)) == 0 })
			for _, group := range cgroups {
				require.NoDirExists(t, group)
			}
			require.NoFileExists(t, filepath.Join(folder, "owned.json"))
			for ns := range namespacesOf(t, processes(t)) {
				require.NotContains(t, namespaces, ns, "a process is in a namespace of the shop")
			}
			mounts, err := os.ReadFile("/proc/self/mountinfo")
			require.NoError(t, err)
			for ns := range namespaces {
				require.NotContains(t, string(mounts), ns)
			}
			require.Equal(t, before, rules(t))
			require.Equal(t, links, interfaces(t))
		})
	}
}

// mark is a variable in the environment of all processes that a test starts.
const mark = "SANDBOX_TEST="

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for until := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
		require.True(t, time.Now().Before(until), "it takes too long")
	}
}

func processes(t *testing.T) (all []int) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			all = append(all, pid)
		}
	}
	return all
}

// marked are the processes that a test started, and theirs.
func marked(t *testing.T, folder string) (all []int) {
	t.Helper()
	for _, pid := range processes(t) {
		raw, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
		if slices.Contains(strings.Split(string(raw), "\x00"), mark+folder) {
			all = append(all, pid)
		}
	}
	return all
}

// namespacesOf are the network namespaces of processes, but for the test's own.
func namespacesOf(t *testing.T, pids []int) map[string]bool {
	t.Helper()
	all := make(map[string]bool)
	for _, pid := range pids {
		if name, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "ns", "net")); err == nil {
			all[name] = true
		}
	}
	own, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)
	delete(all, own)
	return all
}

// cgroupsOf are the groups that a shop has made, all of which are there.
func cgroupsOf(t *testing.T, folder string) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder, "owned.json"))
	require.NoError(t, err)
	var owned struct{ Cgroups []string }
	require.NoError(t, json.Unmarshal(raw, &owned))
	require.NotEmpty(t, owned.Cgroups)
	for _, group := range owned.Cgroups {
		require.DirExists(t, group)
	}
	return owned.Cgroups
}

// rules are those of the host's packet filter.
func rules(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("nft", "--stateless", "list", "ruleset").Output()
	require.NoError(t, err)
	return string(out)
}

func interfaces(t *testing.T) (names []string) {
	t.Helper()
	all, err := net.Interfaces()
	require.NoError(t, err)
	for _, one := range all {
		names = append(names, one.Name)
	}
	return names
}
