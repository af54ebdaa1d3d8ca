// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package guest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	emulator(t, `printf '\036begin 0\nhello\n\n\036end 3 1000\n\036done 0\n'; exec sleep 1000`)
	got := new(ear)
	require.NoError(t, new(Machine).Run(context.Background(), got))
	require.Equal(t, []said{{0, "hello\n", 3, 1000}}, got.all())
}

func TestKernelThatPanicked(t *testing.T) {
	emulator(t, console+`echo 'Kernel panic - not syncing' > "$console"; echo 'qemu: terminating' >&2`)
	err := new(Machine).Run(context.Background(), new(ear))
	require.ErrorIs(t, err, errSilent)
	require.ErrorContains(t, err, "Kernel panic - not syncing")
	require.ErrorContains(t, err, "qemu: terminating")
}

func TestKernelThatWarned(t *testing.T) {
	emulator(t, console+`echo 'WARNING: at net/ipv4/tcp.c' > "$console"; printf '\036done 512\n'`)
	err := new(Machine).Run(context.Background(), new(ear))
	require.ErrorContains(t, err, "kernel warned: its taint is 512")
	require.ErrorContains(t, err, "WARNING: at net/ipv4/tcp.c")
}

// TestTaintsThatAreNoFault has a module of another licence and a CPU that was
// kept from running, as busy hosts do to guests.
func TestTaintsThatAreNoFault(t *testing.T) {
	require.NoError(t, judge(1<<0|1<<14))
	require.Error(t, judge(1<<7))
}

func TestGuestThatHangs(t *testing.T) {
	emulator(t, "exec sleep 1000")
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, new(Machine).Run(ctx, new(ear)), context.DeadlineExceeded)
}

func TestHostWithoutQEMU(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	require.ErrorContains(t, new(Machine).Run(context.Background(), new(ear)), "start QEMU: ")
}

func TestLastLines(t *testing.T) {
	require.Equal(t, "\n", last(nil))
	require.Equal(t, "a\nb\n", last([]byte("\na\nb\n\n")))
	require.Len(t, strings.Split(last([]byte(strings.Repeat("x\n", 1000))), "\n"), 61)
}

// console takes the console's file from QEMU's arguments.
const console = `for a; do case "$a" in file,id=console,path=*) console=${a#*path=};; esac; done; `

// emulator puts a shell script in place of QEMU.
func emulator(t *testing.T, script string) {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "qemu-system-x86_64"), []byte("#!/bin/sh\n"+script+"\n"), 0o700))
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
}
