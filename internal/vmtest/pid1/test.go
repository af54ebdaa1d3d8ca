// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/vmtest/guest"
)

// test runs the commands and tells what it does on the second serial port.
func test(commands []guest.Command) error {
	port, err := open("/dev/ttyS1")
	if err != nil {
		return fmt.Errorf("open serial port: %w", err)
	}
	for i, command := range commands {
		if err := guest.MarkBegin(port, i); err != nil {
			return err
		}
		started := time.Now()
		code := execute(command, port)
		if err := guest.MarkEnd(port, code, time.Since(started)); err != nil {
			return err
		}
		reap()
	}
	taint, err := taint()
	if err != nil {
		return fmt.Errorf("read taint: %w", err)
	}
	if err := guest.MarkDone(port, taint); err != nil {
		return err
	}
	const drain = 1 // see tcdrain(3)
	return unix.IoctlSetInt(int(port.Fd()), unix.TCSBRK, drain)
}

// open opens a serial port that changes nothing on its way.
func open(name string) (*os.File, error) {
	port, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	settings, err := unix.IoctlGetTermios(int(port.Fd()), unix.TCGETS)
	if err != nil {
		return nil, err
	}
	settings.Oflag &^= unix.OPOST
	settings.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG
	return port, unix.IoctlSetTermios(int(port.Fd()), unix.TCSETS, settings)
}

// execute returns the command's exit code, or as a shell does 128 and the
// signal that killed it, or 127.
func execute(command guest.Command, out io.Writer) (code int) {
	cmd := exec.Command(command.Path, command.Arguments...)
	cmd.Dir = command.Folder
	cmd.Env = append([]string{"PATH=/bin", "HOME=/tmp", "TMPDIR=/tmp"}, command.Environment...)
	// Not the port itself, which a process that stays behind would keep.
	cmd.Stdout = writer{out}
	cmd.Stderr = cmd.Stdout
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		_, _ = fmt.Fprintf(out, "pid1: run %s: %v\n", command.Path, err)
		return 127
	}
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal())
	}
	return cmd.ProcessState.ExitCode()
}

// A writer hides from os/exec that it is a file.
type writer struct{ io.Writer }

// reap frees processes that commands left behind.
func reap() {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if pid <= 0 || err != nil {
			return
		}
	}
}

func taint() (taint uint64, err error) {
	content, err := os.ReadFile("/proc/sys/kernel/tainted")
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscan(string(content), &taint)
	return taint, err
}
