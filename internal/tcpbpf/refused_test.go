// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/kernel"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// TestVerifierRefuses has the real verifier refuse one of our programs, as an old
// kernel's does: for a helper that it does not know.
func TestVerifierRefuses(t *testing.T) {
	root.Require(t)
	spec, err := configure(Config{MaxFlows: 100}, 0)
	require.NoError(t, err)
	spec.Programs[ProgramSockOps].Instructions = asm.Instructions{
		asm.Mov.Imm(asm.R0, 0), asm.BuiltinFunc(9999).Call(), asm.Return(),
	}
	_, err = create(spec, plan{})
	require.EqualError(t, err, "missing a kernel whose verifier accepts the BPF programs: boot another one than "+
		kernel.Release(t)+", and report the verifier's log, which the log level debug shows")

	var missing *MissingError
	require.ErrorAs(t, err, &missing)
	first, log, _ := strings.Cut(missing.Detail(), "\n")
	require.Contains(t, first, "program "+ProgramSockOps+": ")
	require.Contains(t, log, "r0 = 0")
	require.Contains(t, log, "\ninvalid func unknown#9999")
	require.ErrorIs(t, err, unix.EINVAL)

	requireOneSentence(t, refused(missing.Cause, "5.15.0-91-generic"),
		"missing Linux 6.1 or newer: boot a newer kernel, this is 5.15.0-91-generic")
}

// TestEachRefusalIsOneSentence names what is missing, and keeps the cause for
// those who ask.
func TestEachRefusalIsOneSentence(t *testing.T) {
	const recent, older = "6.8.0-31-generic", "6.0.19"
	unsupported := fmt.Errorf("program tcpwhy_find: attach: %w", btf.ErrNotFound)
	for name, test := range map[string]struct {
		cause   error
		release string
		want    string
	}{
		"too old": {unsupported, older, "missing Linux 6.1 or newer: boot a newer kernel, this is 6.0.19"},
		"forbidden": {fmt.Errorf("map conns: %w", unix.EPERM), recent, "missing permission to load BPF programs: " +
			"allow the system call bpf, which a seccomp profile or a security module forbids"},
		"not built in": {unsupported, recent, "missing a part of the kernel that the BPF programs use: " +
			"boot a kernel with it, such as any distribution's from 6.1 on: program tcpwhy_find: attach: not found"},
		"not supported": {ebpf.ErrNotSupported, recent, "missing a part of the kernel that the BPF programs use: " +
			"boot a kernel with it, such as any distribution's from 6.1 on: not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			err := refused(test.cause, test.release)
			requireOneSentence(t, err, test.want)
			require.ErrorIs(t, err, test.cause)
			var missing *MissingError
			require.ErrorAs(t, err, &missing)
			require.Equal(t, test.cause.Error(), missing.Detail())
		})
	}
}

// TestTypesThatCannotBeRead tells a file that is closed from one that is not there.
func TestTypesThatCannotBeRead(t *testing.T) {
	const none = "missing the kernel's type information (BTF): " +
		"run a kernel built with CONFIG_DEBUG_INFO_BTF=y, such as any distribution's since 2021"
	closed := &os.PathError{Op: "open", Path: "/sys/kernel/btf/vmlinux", Err: unix.EACCES}
	for _, test := range []struct {
		cause error
		want  string
	}{
		{closed, "missing permission to read the kernel's type information (BTF): make /sys/kernel/btf/vmlinux readable: " +
			"open /sys/kernel/btf/vmlinux: permission denied"},
		{fmt.Errorf("load: %w", os.ErrNotExist), none},
		{fmt.Errorf("no BTF found: %w", ebpf.ErrNotSupported), none},
		{fmt.Errorf("read: %w", unix.EIO), "read the kernel's type information (BTF): read: input/output error"},
	} {
		err := untyped(test.cause)
		requireOneSentence(t, err, test.want)
		require.ErrorIs(t, err, test.cause)
	}
	require.NoError(t, untyped(nil))
}

// TestLackOfMemoryIsNotTheKernelsAge leaves alone what another kernel would not cure.
func TestLackOfMemoryIsNotTheKernelsAge(t *testing.T) {
	err := refused(fmt.Errorf("map owners: %w", unix.ENOMEM), "6.8.0")
	require.EqualError(t, err, "load programs: map owners: cannot allocate memory")
	var missing *MissingError
	require.False(t, errors.As(err, &missing))
}

func TestOld(t *testing.T) {
	for release, want := range map[string]bool{
		"4.19.0-27-amd64": true, "5.15.0-91-generic": true, "6.0.19": true,
		"6.1.0": false, "6.1.0-40-cloud-amd64": false, "6.18.44-fc": false, "7.0": false, "10.0.1": false,
		"6.1-rc1": false, "": false, "unknown": false,
	} {
		require.Equal(t, want, old(release), "release %q", release)
	}
}

func requireOneSentence(t *testing.T, err error, want string) {
	t.Helper()
	require.EqualError(t, err, want)
	require.NotContains(t, err.Error(), "\n")
}

// TestHomesThatCannotBeMapped: opening fails with one sentence, and leaves nothing.
func TestHomesThatCannotBeMapped(t *testing.T) {
	root.Require(t)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would close what nobody holds
	before := openFiles(t)
	_, err := Open(Config{MaxFlows: roomy, Apart: true, tamper: func(spec *ebpf.CollectionSpec) {
		spec.Maps["homes"].Flags = 0
	}})
	require.ErrorIs(t, err, ebpf.ErrNotSupported)
	requireOneSentence(t, err, "map homes: Map was not created with the BPF_F_MMAPABLE flag: not supported")
	require.Equal(t, before, openFiles(t))
}

// openFiles is how many descriptors this process has.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}
