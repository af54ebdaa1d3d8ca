// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// A ban is a system call that fails with EPERM, as a container's seccomp profile has it.
type ban struct {
	Call    uint32
	Command int  // its first argument; below 0 any
	Late    bool // when all is open
}

// A banned is what became of a process with a ban.
type banned struct {
	Try, Open, Collect string // errors
	Hooks, Tried       []Hook
	Left               int // descriptors
}

// Every way to do without these is taken.
var unbanned = ban{unix.SYS_SYSLOG, -1, false}

const forbidden = "missing permission to load BPF programs: allow the system call bpf, which a seccomp profile or a security module forbids"

// TestEachCallThatIsBanned takes away what loading and attaching ask the kernel for, one call
// after the other: each job is done another way or not at all, the dry run says the same,
// and nothing stays.
func TestEachCallThatIsBanned(t *testing.T) {
	root.Require(t)
	best := runBanned(t, unbanned)
	tracing := []string{"missed_close", "reset", "listener_overflow"}
	namespaces := []string{"find_older_unheld"}
	if callbacksOfOlder(t) {
		namespaces = append(namespaces, "older_callbacks")
	}
	if !sweepsRecords(t) {
		namespaces = append(namespaces, "sweep")
	}
	for name, test := range map[string]struct {
		ban     ban
		refused string
		worse   []string // jobs
	}{
		"maps":           {ban{unix.SYS_BPF, unix.BPF_MAP_CREATE, false}, forbidden, nil},
		"programs":       {ban{unix.SYS_BPF, unix.BPF_PROG_LOAD, false}, forbidden, nil},
		"links":          {ban{unix.SYS_BPF, unix.BPF_LINK_CREATE, false}, forbidden, nil},
		"iterators":      {ban{unix.SYS_BPF, unix.BPF_ITER_CREATE, false}, forbidden, nil},
		"reading":        {ban{unix.SYS_BPF, unix.BPF_MAP_LOOKUP_ELEM, false}, forbidden, nil},
		"writing":        {ban{unix.SYS_BPF, unix.BPF_MAP_UPDATE_ELEM, false}, forbidden, nil},
		"deleting":       {ban{unix.SYS_BPF, unix.BPF_MAP_DELETE_ELEM, false}, forbidden, nil},
		"going through":  {ban{unix.SYS_BPF, unix.BPF_MAP_GET_NEXT_KEY, false}, forbidden, nil},
		"taking":         {ban{unix.SYS_BPF, unix.BPF_MAP_LOOKUP_AND_DELETE_ELEM, false}, forbidden, nil},
		"draining":       {ban{unix.SYS_BPF, unix.BPF_MAP_LOOKUP_AND_DELETE_BATCH, false}, forbidden, nil},
		"asking":         {ban{unix.SYS_BPF, unix.BPF_OBJ_GET_INFO_BY_FD, false}, forbidden, nil},
		"tracepoints":    {ban{unix.SYS_BPF, unix.BPF_RAW_TRACEPOINT_OPEN, false}, "", tracing},
		"the older way":  {ban{unix.SYS_BPF, unix.BPF_PROG_ATTACH, false}, "", nil},
		"run statistics": {ban{unix.SYS_BPF, unix.BPF_ENABLE_STATS, false}, "", nil},
		"limits":         {ban{unix.SYS_PRLIMIT64, -1, false}, "", nil},
		"namespaces":     {ban{unix.SYS_SETNS, -1, false}, "", namespaces},
	} {
		t.Run(name, func(t *testing.T) {
			have := runBanned(t, test.ban)
			require.Equal(t, [2]string{test.refused, test.refused}, [2]string{have.Try, have.Open})
			require.Empty(t, have.Collect)
			require.Zero(t, have.Left)
			if test.refused != "" {
				return
			}
			require.Equal(t, have.Hooks, have.Tried, "what the dry run says")
			for i, h := range have.Hooks {
				if !slices.Contains(test.worse, h.Job) {
					require.Equal(t, best.Hooks[i], h)
					continue
				}
				require.Contains(t, h.Reason, "operation not permitted")
				require.NotEmpty(t, h.Lost)
			}
		})
	}
}

// TestLateAttachThatIsBanned forbids to attach what is attached when a listener drops
// something for the first time: it is said, and all else goes on.
func TestLateAttachThatIsBanned(t *testing.T) {
	root.Require(t)
	have := runBanned(t, ban{unix.SYS_BPF, unix.BPF_RAW_TRACEPOINT_OPEN, true})
	require.Equal(t, [3]string{}, [3]string{have.Try, have.Open, have.Collect})
	require.Zero(t, have.Left)
	for i, h := range have.Hooks {
		if h.Job != "listener_reset" || !tellsSocketOfDrop(t) {
			require.Equal(t, have.Tried[i], h)
			continue
		}
		require.Empty(t, have.Tried[i].Reason)
		require.Empty(t, h.Name)
		require.Contains(t, h.Reason, "operation not permitted")
		require.NotEmpty(t, h.Lost)
	}
}

func runBanned(t *testing.T, b ban) (have banned) {
	t.Helper()
	command := again(t, "/proc/self/exe", actBan, b)
	output, err := command.Output()
	require.NoError(t, err, "%s", command.Stderr)
	require.NoError(t, json.Unmarshal(output, &have))
	return have
}

// openBanned opens while a call fails, and tells what happened.
func openBanned(argument []byte) error {
	var b ban
	if err := json.Unmarshal(argument, &b); err != nil {
		return err
	}
	debug.SetGCPercent(-1) // which would close what nobody holds
	if !b.Late {
		if err := b.begin(); err != nil {
			return err
		}
	}
	before, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	result := b.open()
	after, err := os.ReadDir("/proc/self/fd")
	result.Left = len(after) - len(before)
	return errors.Join(err, json.NewEncoder(os.Stdout).Encode(result))
}

func (b ban) open() (have banned) {
	cfg := Config{MaxFlows: 1000}
	var err error
	have.Tried, err = Try(cfg)
	have.Try = message(err)
	k, err := Open(cfg)
	if have.Open = message(err); err != nil {
		return have
	}
	collect := func() error {
		_, err := k.Collect(context.Background(), func(*flow.Delta) {})
		return err
	}
	if b.Late {
		err = errors.Join(b.begin(), dropSYN(collect))
	}
	err = errors.Join(err, collect())
	have.Hooks = k.Hooks()
	have.Collect = message(errors.Join(err, k.Close()))
	return have
}

// dropSYN has a listener drop something, for there is room for one and two come, and looks
// when it has.
func dropSYN(look func() error) error {
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(listener)
	if err := errors.Join(unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(listener, 0)); err != nil {
		return err
	}
	to, err := unix.Getsockname(listener)
	if err != nil {
		return err
	}
	for range 2 {
		client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return err
		}
		defer unix.Close(client)
		if err := unix.Connect(client, to); !errors.Is(err, unix.EINPROGRESS) {
			return err
		}
	}
	for begin := time.Now(); time.Since(begin) < patience; runtime.Gosched() {
		if n, err := dropped(listener); err != nil || n > 0 {
			return errors.Join(err, look())
		}
	}
	return errors.New("wait for a drop: there is none")
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// begin lets the call fail in all threads of the process, for good.
func (b ban) begin() error {
	const number, argument = 0, 16 // of struct seccomp_data
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	unless := func(k uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jf: skip}
	}
	answer := func(k uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k}
	}
	filter := []unix.SockFilter{load(number), unless(b.Call, 3), load(argument), unless(uint32(b.Command), 1),
		answer(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)), answer(unix.SECCOMP_RET_ALLOW)}
	if b.Command < 0 {
		filter = []unix.SockFilter{filter[0], unless(b.Call, 1), filter[4], filter[5]}
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return fmt.Errorf("ban call %d: %w", b.Call, errno)
	}
	return nil
}
