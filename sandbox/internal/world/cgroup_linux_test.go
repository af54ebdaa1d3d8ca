// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain burns a CPU if it is told to, once its input is there.
func TestMain(m *testing.M) {
	if os.Getenv(burn) != "" {
		_, _ = os.Stdin.Read(make([]byte, 1))
		for turns := uint64(0); ; turns++ {
			_ = turns
		}
	}
	os.Exit(m.Run())
}

const burn = "SANDBOX_TEST_BURN"

// unified makes a folder that looks like the root of cgroup v2.
func unified(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	put(t, root, files)
	return root
}

func put(t *testing.T, group string, files map[string]string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(group, 0o755))
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(group, name), []byte(content), 0o644))
	}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return strings.TrimSpace(string(raw))
}

func TestHierarchies(t *testing.T) {
	v2 := unified(t, map[string]string{"cgroup.controllers": "cpuset cpu memory", "cgroup.subtree_control": "", "cgroup.procs": "1"})
	all, err := parseMounts(strings.NewReader(fmt.Sprintf(`30 22 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw
31 30 0:28 / /c/cpu rw - cgroup cgroup rw,cpu
33 30 0:30 / /c/cpuset rw - cgroup cgroup rw,cpuset
34 30 0:31 / /c/memory rw - cgroup cgroup rw,memory
37 30 0:34 /part /c/pids rw - cgroup cgroup rw,pids
40 30 0:37 / %s rw - cgroup2 cgroup2 rw
41 30 0:38 / /nowhere rw - cgroup2 cgroup2 rw
`, v2)), "shop")
	require.NoError(t, err)
	require.Equal(t, []hierarchy{
		{root: "/c/cpu/shop", cpu: true}, {root: "/c/memory/shop"},
		{root: v2 + "/shop", unified: true, cpu: true}, {root: "/nowhere/shop", unified: true},
	}, all)
	_, err = parseMounts(strings.NewReader(""), "shop")
	require.EqualError(t, err, "find cgroups: no hierarchy is mounted")
	require.Equal(t, all[1:], withoutCPU(all), "cgroup v2 stays: a crash must find all processes")
}

func TestWhoGivesCPU(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		gives bool
	}{
		"a machine's root":                {map[string]string{"cgroup.controllers": "cpu io", "cgroup.procs": "1"}, true},
		"a container's, which is full":    {map[string]string{"cgroup.controllers": "cpu io", "cgroup.procs": "1", "cgroup.type": "domain"}, false},
		"a container's, which is empty":   {map[string]string{"cgroup.controllers": "cpu io", "cgroup.procs": "", "cgroup.type": "domain"}, true},
		"one that hands it on":            {map[string]string{"cgroup.subtree_control": "cpu", "cgroup.procs": "1", "cgroup.type": "domain threaded"}, true},
		"v1 has it":                       {map[string]string{"cgroup.controllers": "", "cgroup.procs": "1"}, false},
		"a controller of another's names": {map[string]string{"cgroup.controllers": "cpuset"}, false},
	} {
		require.Equal(t, test.gives, givesCPU(unified(t, test.files)), name)
	}
}

// In cgroup v2 each group on the way to a pod's hands the CPU on, and cpu.max limits it.
func TestLimitOfUnified(t *testing.T) {
	mount := unified(t, map[string]string{"cgroup.subtree_control": "memory"})
	pod := filepath.Join(mount, "shop", "node-1", "pod")
	put(t, filepath.Join(mount, "shop"), map[string]string{"cgroup.subtree_control": ""})
	put(t, filepath.Join(mount, "shop", "node-1"), map[string]string{"cgroup.subtree_control": ""})
	put(t, pod, map[string]string{"cpu.max": "max 100000"})
	all := []hierarchy{{root: "/nowhere/shop", unified: true}, {root: filepath.Join(mount, "shop"), unified: true, cpu: true}}
	require.NoError(t, canLimitCPU(all))
	require.NoError(t, makeCgroup(all[1:], "node-1/pod"))
	for _, group := range []string{mount, filepath.Join(mount, "shop"), filepath.Join(mount, "shop", "node-1")} {
		require.Equal(t, "+cpu", read(t, group, "cgroup.subtree_control"))
	}
	require.NoFileExists(t, filepath.Join(pod, "cgroup.subtree_control"))

	require.NoError(t, limitCPU(all, "node-1/pod", .05))
	require.Equal(t, "5000 100000", read(t, pod, "cpu.max"))
	require.NoError(t, limitCPU(all, "node-1/pod", .002))
	require.Equal(t, "1000 500000", read(t, pod, "cpu.max"), "a quota that the kernel takes")
	require.NoError(t, limitCPU(all, "node-1/pod", .0001))
	require.Equal(t, "1000 1000000", read(t, pod, "cpu.max"), "the least of it")
	require.NoError(t, limitCPU(all, "node-1/pod", 0))
	require.Equal(t, "max 100000", read(t, pod, "cpu.max"))
}

// Where no CPU can be shared all faults but those of CPUs are possible: to take away a
// limit that there is not is no error.
func TestNoLimit(t *testing.T) {
	all := []hierarchy{{root: "/nowhere/shop", unified: true}}
	require.ErrorContains(t, canLimitCPU(all), "no hierarchy of cgroups hands on the cpu controller")
	require.NoError(t, limitCPU(all, "node-1/pod", 0))
	require.ErrorIs(t, limitCPU(all, "node-1/pod", .05), errNoCPU)
}

// The kernel is the witness: it throttles a process that burns a CPU, and tells how often.
func TestKernelLimitsCPU(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("TCPWHY_REQUIRE_ROOT") != "" {
			t.Fatal("cgroups need root, and TCPWHY_REQUIRE_ROOT is set")
		}
		t.Skip("cgroups need root")
	}
	all, err := hierarchies(fmt.Sprintf("tcpwhy-test-%d", os.Getpid()))
	require.NoError(t, err)
	if err := canLimitCPU(all); err != nil {
		t.Skip(err)
	}
	var paths []string
	for _, h := range all {
		paths = append(paths, h.root)
	}
	t.Cleanup(func() { require.NoError(t, RemoveCgroups(paths)) })
	require.NoError(t, makeCgroup(withoutCPU(all), "node/self"))
	require.NoError(t, makeCgroup(all, "node/pod"))

	self, err := os.Executable()
	require.NoError(t, err)
	burner := exec.Command(self)
	burner.Env = append(os.Environ(), burn+"=yes")
	begin, err := burner.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, burner.Start())
	t.Cleanup(func() { _ = burner.Process.Kill(); _ = burner.Wait() })
	require.NoError(t, moveTo(all, "node/pod", burner.Process.Pid))
	require.NoError(t, limitCPU(all, "node/pod", .002))
	require.NoError(t, begin.Close())

	group := ""
	for _, h := range all {
		if h.cpu {
			group = filepath.Join(h.root, "node", "pod")
		}
	}
	throttled := func() (n int) {
		_, rest, _ := strings.Cut(read(t, group, "cpu.stat"), "nr_throttled ")
		_, err := fmt.Sscan(rest, &n)
		require.NoError(t, err)
		return n
	}
	for until := time.Now().Add(time.Minute); throttled() < 3; time.Sleep(10 * time.Millisecond) {
		require.True(t, time.Now().Before(until), "a CPU is burnt, and nothing throttled")
	}
	require.NoError(t, limitCPU(all, "node/pod", 0))
	file := map[bool]string{true: "cpu.max", false: "cpu.cfs_quota_us"}
	limits := ""
	for _, h := range all {
		if h.cpu {
			limits = read(t, h.root, "node", "pod", file[h.unified])
		}
	}
	require.Contains(t, []string{"max 100000", "-1"}, limits)
}
