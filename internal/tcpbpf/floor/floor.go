// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package floor measures what the kernel's run statistics themselves cost: a
// sock_ops program that returns at once, attached beside the real one and called
// as often. The product does not use it.
package floor

import (
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
)

// A Floor is the attached program.
type Floor struct {
	program *ebpf.Program
	link    link.Link
}

// Open attaches a program to the cgroup v2 at path.
func Open(path string) (*Floor, error) {
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name:         "tcpwhy_floor",
		Type:         ebpf.SockOps,
		AttachType:   ebpf.AttachCGroupSockOps,
		License:      "Apache-2.0",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()},
	})
	if err != nil {
		return nil, fmt.Errorf("load program: %w", err)
	}
	l, err := link.AttachCgroup(link.CgroupOptions{Path: path, Attach: ebpf.AttachCGroupSockOps, Program: program})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("attach to cgroup %q: %w", path, err), program.Close())
	}
	return &Floor{program: program, link: l}, nil
}

// Statistics returns the program's runs and their total time.
func (f *Floor) Statistics() (runs uint64, total time.Duration, err error) {
	s, err := f.program.Stats()
	if err != nil {
		return 0, 0, fmt.Errorf("read statistics: %w", err)
	}
	return s.RunCount, s.Runtime, nil
}

// Close detaches it.
func (f *Floor) Close() error { return errors.Join(f.link.Close(), f.program.Close()) }
