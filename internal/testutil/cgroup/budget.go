// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// A Budget is memory that a test can bring to an end, the kernel's included. What
// the test makes within [Budget.Charge] is charged to it for good, such as the
// elements that a BPF map gets later.
type Budget struct {
	t           testing.TB
	home        string // this process's group
	path        string
	used, limit string // files
	none        string // what the limit is if there is none
	percent     *int   // of GOGC, while no garbage is collected
}

// NewBudget makes a budget without a limit. It skips the test unless it runs as
// root.
func NewBudget(t testing.TB) *Budget {
	t.Helper()
	root.Require(t)
	b := &Budget{t: t, used: "memory.usage_in_bytes", limit: "memory.limit_in_bytes", none: "-1"}
	mount, home := hierarchy(t, "memory")
	if mount == "" {
		b.used, b.limit, b.none = "memory.current", "memory.max", "max"
		mount, home = Root(t), of(t, os.Getpid())
		enableMemory(t, mount)
	}
	path, err := os.MkdirTemp(mount, "tcpwhy-test-")
	require.NoError(t, err)
	b.path, b.home = path, home
	t.Cleanup(func() {
		// Processes that the test started may still be on their way out.
		require.Eventually(t, func() bool { return !errors.Is(unix.Rmdir(path), unix.EBUSY) }, time.Minute, time.Millisecond)
		require.NoDirExists(t, path)
	})
	return b
}

// hierarchy finds a controller of cgroup v1: where it is mounted, and this
// process's group there. Both are empty if there is none.
func hierarchy(t testing.TB, controller string) (mount, group string) {
	t.Helper()
	for _, line := range lines(t, "/proc/self/mountinfo") {
		place, source, _ := strings.Cut(line, " - ")
		if super := strings.Fields(source); super[0] == "cgroup" && slices.Contains(strings.Split(super[2], ","), controller) {
			mount = strings.Fields(place)[4]
		}
	}
	for _, line := range lines(t, "/proc/self/cgroup") {
		if f := strings.SplitN(line, ":", 3); mount != "" && slices.Contains(strings.Split(f[1], ","), controller) {
			group = filepath.Join(mount, f[2])
		}
	}
	return mount, group
}

func lines(t testing.TB, path string) (all []string) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		all = append(all, scanner.Text())
	}
	return all
}

// enableMemory lets groups below the root of cgroup v2 have limits, until the test
// ends.
func enableMemory(t testing.TB, mount string) {
	t.Helper()
	control := filepath.Join(mount, "cgroup.subtree_control")
	before, err := os.ReadFile(control)
	require.NoError(t, err)
	if slices.Contains(strings.Fields(string(before)), "memory") {
		return
	}
	require.NoError(t, os.WriteFile(control, []byte("+memory"), 0), "no memory controller")
	t.Cleanup(func() { require.NoError(t, os.WriteFile(control, []byte("-memory"), 0)) })
}

// Charge calls fn, during which all that this process takes is the budget's.
func (b *Budget) Charge(fn func()) {
	b.t.Helper()
	b.move(b.path)
	defer b.move(b.home)
	fn()
}

func (b *Budget) move(to string) {
	b.t.Helper()
	err := os.WriteFile(filepath.Join(to, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0)
	require.NoError(b.t, err, "move this process to %s", to)
}

// Used returns how many bytes are charged.
func (b *Budget) Used() uint64 {
	b.t.Helper()
	raw, err := os.ReadFile(filepath.Join(b.path, b.used))
	require.NoError(b.t, err)
	n, err := strconv.ParseUint(strings.TrimSpace(string(raw)), 10, 64)
	require.NoError(b.t, err)
	return n
}

// Exhaust ends the budget: what is used is all there is. Until it is lifted this process collects no
// garbage: what it gave back of what it made within [Budget.Charge] would be room.
func (b *Budget) Exhaust() {
	b.t.Helper()
	debug.FreeOSMemory()
	b.collects(false)
	b.t.Cleanup(func() { b.collects(true) })
	require.Eventually(b.t, func() bool {
		used, err := os.ReadFile(filepath.Join(b.path, b.used))
		require.NoError(b.t, err)
		return b.restrict(strings.TrimSpace(string(used))) == nil
	}, time.Minute, time.Millisecond, "memory cannot be limited")
}

// Lift takes the limit away.
func (b *Budget) Lift() {
	b.t.Helper()
	b.collects(true)
	require.NoError(b.t, b.restrict(b.none))
}

func (b *Budget) collects(garbage bool) {
	switch {
	case !garbage && b.percent == nil:
		b.percent = new(int)
		*b.percent = debug.SetGCPercent(-1)
	case garbage && b.percent != nil:
		debug.SetGCPercent(*b.percent)
		b.percent = nil
	}
}

func (b *Budget) restrict(limit string) error {
	if err := os.WriteFile(filepath.Join(b.path, b.limit), []byte(limit), 0); err != nil {
		return fmt.Errorf("limit memory to %s: %w", limit, err)
	}
	return nil
}
