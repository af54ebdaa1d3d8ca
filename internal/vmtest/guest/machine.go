// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package guest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// A Machine is a virtual one. It is emulated, never accelerated, so that it
// works wherever the tests do, some six times slower.
type Machine struct {
	Kernel string // path of the compressed kernel
	Image  string // path of the file that [NewImage] wrote
	CPUs   int
	Memory int // MiB
}

// kernelArguments let the kernel print warnings and end the machine when it panics.
// On a busy host emulated timers look broken to it, which it must not mind.
const kernelArguments = "console=ttyS0 loglevel=5 panic=-1 no_timer_check tsc=reliable mitigations=off random.trust_cpu=on"

// Run starts the machine and returns when its plan is done, or when the context
// is. A kernel that had reason to warn is an error.
func (m *Machine) Run(ctx context.Context, l Listener) error {
	folder, err := os.MkdirTemp("", "tcpwhy-guest-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	console := filepath.Join(folder, "console")
	command := exec.CommandContext(ctx, "qemu-system-x86_64", m.arguments(console)...)
	complaint := new(bytes.Buffer)
	command.Stderr = complaint
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start QEMU: %w", err)
	}
	taint, err := read(out, l)
	_ = command.Process.Kill() // it has nothing more to say
	_ = command.Wait()
	if errTaint := judge(taint); err != nil || errTaint != nil {
		return errors.Join(ctx.Err(), err, errTaint, errors.New(last(complaint.Bytes())+last(contentOf(console))))
	}
	return nil
}

// arguments are QEMU's. One thread emulates all processors in turn: with several, a
// kernel that patches its own code, which it does as it boots, may execute half of it.
func (m *Machine) arguments(console string) []string {
	return []string{
		"-accel", "tcg,thread=single,tb-size=512", "-cpu", "max", "-machine", "pc",
		"-smp", strconv.Itoa(m.CPUs), "-m", strconv.Itoa(m.Memory),
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-chardev", "file,id=console,path=" + console, "-serial", "chardev:console",
		"-chardev", "stdio,id=out,signal=off", "-serial", "chardev:out",
		"-kernel", m.Kernel, "-initrd", m.Image, "-append", kernelArguments,
	}
}

// Taints of a kernel that found itself in a state it should not be in.
const (
	taintDied    = 1 << 7
	taintWarning = 1 << 9
)

func judge(taint uint64) error {
	if taint&(taintDied|taintWarning) == 0 {
		return nil
	}
	return fmt.Errorf("kernel warned: its taint is %d", taint)
}

func contentOf(file string) []byte {
	content, err := os.ReadFile(file)
	if err != nil {
		return []byte(err.Error())
	}
	return content
}

// last returns the last lines of a log.
func last(log []byte) string {
	const most = 60
	lines := strings.SplitAfter(string(bytes.TrimSpace(log)), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "") + "\n"
}
