// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// The command pid1 is the init process of a test guest: it prepares the machine,
// runs the commands of its plan one after the other, and ends the machine.
//
// What it has to say itself goes to the console; the commands' output and the
// marks between it to the second serial port.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/vmtest/guest"
)

func main() {
	if err := run(); err != nil {
		fmt.Println("pid1:", err)
	}
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("pid1: power off:", err)
	}
}

func run() error {
	if err := mount(); err != nil {
		return err
	}
	plan, err := guest.ReadPlan()
	if err != nil {
		return err
	}
	now := unix.NsecToTimespec(plan.Now.UnixNano())
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &now); err != nil {
		return fmt.Errorf("set clock: %w", err)
	}
	for _, module := range plan.Modules {
		if err := load(module); err != nil {
			return fmt.Errorf("load module %q: %w", filepath.Base(module), err)
		}
	}
	// As many open files as an ordinary service may have.
	files := unix.Rlimit{Cur: 1 << 19, Max: 1 << 19}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("allow open files: %w", err)
	}
	if err := raiseLoopback(); err != nil {
		return fmt.Errorf("set loopback up: %w", err)
	}
	return test(plan.Tests)
}

// mounts are what an ordinary host has.
var mounts = []struct{ kind, at string }{
	{"devtmpfs", "/dev"},
	{"proc", "/proc"},
	{"sysfs", "/sys"},
	{"tmpfs", "/tmp"},
	{"tmpfs", "/run"},
	{"tmpfs", "/dev/shm"},
	{"cgroup2", "/sys/fs/cgroup"},
	{"bpf", "/sys/fs/bpf"},
	{"tracefs", "/sys/kernel/tracing"},
	{"debugfs", "/sys/kernel/debug"},
	{"securityfs", "/sys/kernel/security"},
}

func mount() error {
	for _, m := range mounts {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return err
		}
		// The kernel may have mounted /dev itself.
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	return os.Chmod("/tmp", 0o1777)
}

func load(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return unix.FinitModule(int(f.Fd()), "", 0)
}

func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}
