// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package floor measures what the kernel takes for being asked: sock_ops programs
// that do nothing, attached beside the real one or in its place. The product does not
// use it.
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
	records *ebpf.Map // nil without
	link    link.Link
}

// Open attaches a program that returns at once to the cgroup v2 at path.
func Open(path string) (*Floor, error) { return (&Floor{}).attach(path, nil) }

// OpenRecords attaches one that has the kernel make each connection's record, of size
// bytes, and call back as the real one does, and that looks at neither.
func OpenRecords(path string, size uint32) (*Floor, error) {
	m, err := ebpf.NewMap(records(size))
	if err != nil {
		return nil, fmt.Errorf("create map: %w", err)
	}
	return (&Floor{records: m}).attach(path, keep(m))
}

func (f *Floor) attach(path string, body asm.Instructions) (_ *Floor, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	f.program, err = ebpf.NewProgram(&ebpf.ProgramSpec{
		Name:         "tcpwhy_floor",
		Type:         ebpf.SockOps,
		AttachType:   ebpf.AttachCGroupSockOps,
		License:      "Apache-2.0",
		Instructions: append(body, asm.Mov.Imm(asm.R0, 1).WithSymbol(done), asm.Return()),
	})
	if err != nil {
		return nil, fmt.Errorf("load program: %w", err)
	}
	f.link, err = link.AttachCgroup(link.CgroupOptions{Path: path, Attach: ebpf.AttachCGroupSockOps, Program: f.program})
	if err != nil {
		return nil, fmt.Errorf("attach to cgroup %q: %w", path, err)
	}
	return f, nil
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
func (f *Floor) Close() error {
	var err error
	if f.link != nil {
		err = f.link.Close()
	}
	return errors.Join(err, f.program.Close(), f.records.Close()) // of what is nil, too
}
