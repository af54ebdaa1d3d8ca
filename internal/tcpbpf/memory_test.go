// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestWithoutMemory leaves no memory for flows. What the sweep cannot put into one
// is told, and waits in the socket until there is memory again.
func TestWithoutMemory(t *testing.T) {
	const n = 100
	root.Require(t)
	place, group := newPlace(t), newMemoryGroup(t)
	var k *collector
	group.charge(func() {
		k = observe(t, Config{Granularity: GranularityConnection, Include: only(place)})
	})
	gate := newGate(place, traffic.Loopback(place.NS, place.IPv4.String()))
	for range n {
		client, server := gate.open(t)
		_, err := client.Write(make([]byte, 10))
		require.NoError(t, err)
		_, err = io.ReadFull(server, make([]byte, 10))
		require.NoError(t, err)
	}

	group.limit(group.read("memory.usage_in_bytes"))
	var late uint64
	for range 4 {
		k.collect()
		filled := uint64(k.Fills()[0].Entries)
		late += 2*n - filled
		require.Equal(t, 2*n-filled, k.report.Lost[flow.LostDeferred])
		requireCoverage(t, k, filled, 2*n-filled)
	}
	require.NotZero(t, late, "there was memory enough")

	group.limit("-1")
	deadline := time.Now().Add(patience) // the kernel refills its caches some time later
	for k.collect(); k.report.Lost[flow.LostDeferred] != 0 && time.Now().Before(deadline); k.collect() {
	}
	requireCoverage(t, k, 2*n, 0)
	s := k.sum(everything)
	require.EqualValues(t, 2*n, s.Opened)
	require.EqualValues(t, 2*n, s.Live[unix.BPF_TCP_ESTABLISHED])
	require.Equal(t, [flow.NumDirections]uint64{10 * n, 10 * n}, s.Bytes)
	require.Empty(t, k.keys(overflown))
}

// A memoryGroup is a cgroup of the memory controller, of the first version: there a
// single thread can be in it.
type memoryGroup struct {
	t    *testing.T
	path string
}

const memoryController = "/sys/fs/cgroup/memory"

func newMemoryGroup(t *testing.T) memoryGroup {
	t.Helper()
	if _, err := os.Stat(filepath.Join(memoryController, "tasks")); err != nil {
		t.Skip("this machine's memory controller takes no single thread: ", err)
	}
	path, err := os.MkdirTemp(memoryController, "tcpwhy-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.Remove(path)) })
	return memoryGroup{t, path}
}

// charge runs fn by a thread in the group. The kernel charges later entries of a
// map to whom it charged the map.
func (g memoryGroup) charge(fn func()) {
	g.t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := g.current()
	g.enter(g.path)
	defer g.enter(before)
	fn()
}

// current returns the path of the thread's group.
func (g memoryGroup) current() string {
	g.t.Helper()
	groups, err := os.ReadFile("/proc/thread-self/cgroup")
	require.NoError(g.t, err)
	for line := range strings.Lines(string(groups)) {
		if _, path, ok := strings.Cut(line, ":memory:"); ok {
			return filepath.Join(memoryController, strings.TrimSpace(path))
		}
	}
	require.FailNow(g.t, "the thread is in no memory group", "%s", groups)
	return ""
}

func (g memoryGroup) enter(path string) {
	g.t.Helper()
	thread := []byte(strconv.Itoa(unix.Gettid()))
	require.NoError(g.t, os.WriteFile(filepath.Join(path, "tasks"), thread, 0))
}

func (g memoryGroup) limit(bytes string) {
	g.t.Helper()
	require.NoError(g.t, os.WriteFile(filepath.Join(g.path, "memory.limit_in_bytes"), []byte(bytes), 0))
}

func (g memoryGroup) read(file string) string {
	g.t.Helper()
	content, err := os.ReadFile(filepath.Join(g.path, file))
	require.NoError(g.t, err)
	return strings.TrimSpace(string(content))
}
