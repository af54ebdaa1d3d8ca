// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package namespace

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

func TestMain(m *testing.M) {
	traffic.Child()
	goleak.VerifyTestMain(m)
}

// TestEachIsEnteredOnce has a process in a namespace, which is found by it, and only
// entered if it is wanted.
func TestEachIsEnteredOnce(t *testing.T) {
	ns := netns.New(t)
	traffic.Start(t, ns, "resident")
	been := make(map[uint64]int)
	enter := func(inode uint64) error {
		var stat unix.Stat_t
		require.NoError(t, unix.Stat("/proc/thread-self/ns/net", &stat))
		require.Equal(t, inode, stat.Ino)
		been[inode]++
		return nil
	}

	found, err := Each(OfProcesses, Everything, enter)
	require.NoError(t, err)
	require.FileExists(t, found[ns.Inode()])
	require.Equal(t, 1, been[ns.Inode()])
	require.Len(t, been, len(found))

	clear(been)
	found, err = Each(OfProcesses, func(inode uint64) bool { return inode != ns.Inode() }, enter)
	require.NoError(t, err)
	require.Contains(t, found, ns.Inode(), "unwanted, but there")
	require.Zero(t, been[ns.Inode()])
}

// TestEachEndsWithEnough: nobody goes on to look where there are more.
func TestEachEndsWithEnough(t *testing.T) {
	ns := netns.New(t)
	traffic.Start(t, ns, "resident")
	been := 0
	found, err := Each(OfThreads, Everything, func(uint64) error { been++; return ErrEnough })
	require.NoError(t, err)
	require.Equal(t, 1, been)
	require.Len(t, found, 1)
}

// TestErrorsOfEachAreTold fails in each namespace.
func TestErrorsOfEachAreTold(t *testing.T) {
	ns := netns.New(t)
	traffic.Start(t, ns, "resident")
	_, err := Each(OfThreads, func(inode uint64) bool { return inode == ns.Inode() },
		func(uint64) error { return unix.ENOBUFS })
	require.ErrorIs(t, err, unix.ENOBUFS)
}

// TestWithoutDescriptors has none left to look into a namespace with, or into a folder.
func TestWithoutDescriptors(t *testing.T) {
	for name, places := range map[string][]string{"namespace": {"/proc/thread-self/ns/net"}, "folder": {"/proc/[0-9]*/ns/net"}} {
		t.Run(name, func(t *testing.T) {
			found, err := Each(places, Everything, func(uint64) error { return nil })
			require.NoError(t, err)
			require.NotEmpty(t, found)

			var limit unix.Rlimit
			require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
			none := unix.Rlimit{Cur: 0, Max: limit.Max}
			require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &none))
			found, err = Each(places, Everything, func(uint64) error { return nil })
			require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
			require.True(t, Exhausted(err), "%v", err)
			require.Empty(t, found)
		})
	}
}

// TestHandlesThatLeadNowhere: a name that is left over, one of something else, and one that
// leads nowhere are no namespaces, and keep nobody from those that are.
func TestHandlesThatLeadNowhere(t *testing.T) {
	ns := netns.New(t)
	traffic.Start(t, ns, "resident")
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(folder+"/left-over", nil, 0o600))
	require.NoError(t, os.Symlink("/proc/self/ns/uts", folder+"/else"))
	require.NoError(t, os.Symlink("/proc/none/ns/net", folder+"/gone"))
	require.NoError(t, os.Mkdir(folder+"/folder", 0o700))
	found, err := Each(append([]string{folder + "/*"}, OfProcesses...), Everything, func(uint64) error { return nil })
	require.NoError(t, err)
	require.FileExists(t, found[ns.Inode()])
	for _, path := range found {
		require.NotContains(t, path, folder)
	}
}

// A thread of another user's may not look at where root's processes are.
func TestClosed(t *testing.T) {
	root.Require(t)
	path := fmt.Sprintf("/proc/%d/ns/net", os.Getppid())
	require.False(t, Closed(path))
	require.False(t, Closed("/proc/none"), "nothing is there")
	closed := make(chan bool)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends
		_, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534)
		closed <- errno == 0 && Closed(path)
	}()
	require.True(t, <-closed)
}

// askedVariable tells the test, executed again by another user, whose process to look for.
const askedVariable = "TCPWHY_TEST_ASKED"

// TestProcessesOfOthersAreFound has who is not root, with CAP_SYS_PTRACE alone, look for a process
// of root's, whose /proc/PID/ns only its owner may list.
func TestProcessesOfOthersAreFound(t *testing.T) {
	if pid := os.Getenv(askedVariable); pid != "" {
		var stat unix.Stat_t
		require.NoError(t, unix.Stat("/proc/"+pid+"/ns/net", &stat))
		_, err := os.ReadDir("/proc/" + pid + "/ns")
		require.ErrorIs(t, err, unix.EACCES)
		for _, below := range []string{"/ns/net", "/task/*/ns/net"} {
			last := len(pid) - 1
			found, err := Each([]string{"/proc/" + pid[:last] + "[" + pid[last:] + "]" + below},
				func(uint64) bool { return false }, func(uint64) error { return nil })
			require.NoError(t, err)
			require.Contains(t, found, stat.Ino, below)
		}
		return
	}
	root.Require(t)
	const nobody = 65534
	command := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	command.Env = append(os.Environ(), fmt.Sprintf("%s=%d", askedVariable, os.Getpid()))
	command.SysProcAttr = &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: nobody, Gid: nobody},
		AmbientCaps: []uintptr{unix.CAP_SYS_PTRACE},
	}
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), "--- PASS: "+t.Name(), "it ran")
}
