// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package capability

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// actVariable tells this binary, executed again, what to do instead of testing: what is
// dropped does not come back.
const actVariable = "TCPWHY_CAPABILITY_ACT"

var acts = map[string]func() error{"drop": dropInAll, "unlike": dropWhereUnlike, "denied": dropDenied}

func init() {
	act := acts[os.Getenv(actVariable)]
	if act == nil {
		return
	}
	if err := act(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func act(t *testing.T, name string) {
	t.Helper()
	root.Require(t)
	command := exec.Command("/proc/self/exe")
	command.Env = append(os.Environ(), actVariable+"="+name)
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
}

// TestDropReachesEveryThread has several threads, and asks the kernel about each.
func TestDropReachesEveryThread(t *testing.T) { act(t, "drop") }

func dropInAll() error {
	stop := holdThreads(8)
	defer close(stop)
	dropped, err := Drop([]Capability{SysAdmin, SysPtrace})
	if err != nil {
		return err
	}
	if fmt.Sprint(dropped) != "[CAP_SYS_ADMIN CAP_SYS_PTRACE]" {
		return fmt.Errorf("dropped %v", dropped)
	}
	if fmt.Sprint(Held()) != "[CAP_BPF CAP_PERFMON CAP_NET_ADMIN CAP_DAC_READ_SEARCH]" {
		return fmt.Errorf("holds %v", Held())
	}
	if n, err := countThreads(uint64(1<<SysAdmin | 1<<SysPtrace)); n > 0 || err != nil {
		return fmt.Errorf("%d threads hold them still: %w", n, err)
	}
	if n, err := countThreads(1 << NetAdmin); n < 8 || err != nil {
		return fmt.Errorf("%d threads hold what was not dropped: %w", n, err)
	}
	if err := unix.Unshare(unix.CLONE_NEWUTS); !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("do what needs CAP_SYS_ADMIN: %w", err)
	}
	dropped, err = Drop([]Capability{SysAdmin, SysPtrace})
	if len(dropped) > 0 {
		return fmt.Errorf("dropped twice: %v", dropped)
	}
	return err
}

// TestDropLeavesUnlikeThreadsAlone has another component reduce one of its threads.
func TestDropLeavesUnlikeThreadsAlone(t *testing.T) { act(t, "unlike") }

func dropWhereUnlike() error {
	reduced, stop := make(chan error), make(chan struct{})
	defer close(stop)
	go func() {
		runtime.LockOSThread()
		reduced <- reduceThread()
		<-stop
	}()
	if err := <-reduced; err != nil {
		return err
	}
	dropped, err := Drop([]Capability{SysAdmin})
	if err == nil || err.Error() != "threads of this process hold different capabilities" || len(dropped) > 0 || !SysAdmin.Held() {
		return fmt.Errorf("dropped %v: %w", dropped, err)
	}
	return nil
}

// TestDropThatTheKernelDenies keeps what there is, and says so.
func TestDropThatTheKernelDenies(t *testing.T) { act(t, "denied") }

func dropDenied() error {
	stop := holdThreads(8)
	defer close(stop)
	if err := deny(unix.SYS_CAPSET, unix.EPERM); err != nil {
		return fmt.Errorf("deny capset: %w", err)
	}
	dropped, err := Drop([]Capability{SysAdmin})
	if !errors.Is(err, unix.EPERM) || err.Error() != "drop capabilities: operation not permitted" || len(dropped) > 0 {
		return fmt.Errorf("dropped %v: %w", dropped, err)
	}
	if n, err := countThreads(1 << SysAdmin); n < 8 || err != nil || !SysAdmin.Held() {
		return fmt.Errorf("%d threads hold what was not dropped: %w", n, err)
	}
	return nil
}

// deny lets a system call fail in all threads of the process, for good.
func deny(call uint32, with unix.Errno) error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the call's number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(with)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return errno
	}
	return nil
}

// reduceThread takes what the calling thread holds.
func reduceThread() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var nothing [2]unix.CapUserData
	return unix.Capset(&header, &nothing[0])
}

// holdThreads holds threads until stop is closed.
func holdThreads(n int) (stop chan struct{}) {
	stop = make(chan struct{})
	ready := make(chan struct{})
	for range n {
		go func() {
			runtime.LockOSThread()
			ready <- struct{}{}
			<-stop
		}()
		<-ready
	}
	return stop
}

// countThreads counts those that have any of the bits, permitted or effective.
func countThreads(bits uint64) (n int, err error) {
	files, err := filepath.Glob("/proc/self/task/*/status")
	for _, file := range files {
		status, e := os.ReadFile(file)
		err = errors.Join(err, e)
		var permitted, effective uint64
		for line := range strings.Lines(string(status)) {
			_, _ = fmt.Sscanf(line, "CapPrm: %x", &permitted)
			_, _ = fmt.Sscanf(line, "CapEff: %x", &effective)
		}
		if (permitted|effective)&bits != 0 {
			n++
		}
	}
	return n, err
}

func TestNames(t *testing.T) {
	require.Equal(t, "[CAP_BPF CAP_PERFMON CAP_NET_ADMIN CAP_SYS_ADMIN CAP_SYS_PTRACE CAP_DAC_READ_SEARCH]", fmt.Sprint(All))
}
