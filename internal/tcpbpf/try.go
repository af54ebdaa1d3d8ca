// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"github.com/tcpwhy/tcpwhy/internal/cgroup"
)

// Try tells where each job could be done, and observes nothing: all programs are loaded,
// but in the place of those that would see connections others are attached, for a
// moment, that do nothing. The error is what [Open] would return; what had been tried
// before is told with it.
func Try(cfg Config) ([]Hook, error) {
	if err := probe(); err != nil {
		return nil, err
	}
	root, err := observed(cfg.Cgroup)
	if err != nil {
		return nil, err
	}
	p := make(plan)
	p.tryEntry()
	o, err := load(cfg, rootID(root, cgroup.IsHostRoot(root)), p)
	if err != nil {
		return p.hooks(), err
	}
	defer o.Close()
	if err := o.idle(); err != nil {
		return p.hooks(), err
	}
	links, err := attach(o, root, p)
	_ = closeAll(links)
	return p.hooks(), err
}

// tryEntry asks for what no program is needed for.
func (p plan) tryEntry() {
	p.refuse(needNamespaces, enterable())
	p.refuse(needFlags, callbackFlags())
	_, err := resetNames()
	p.refuse(needReasons, err)
}

// idle puts programs that do nothing in the place of those that are called for sockets
// of the cgroup. That of the tracepoint knows no socket, so it does nothing anyway.
func (o *objects) idle() error {
	for _, known := range programs {
		program := o.programs[known.name]
		if program == nil || program.Type() == ebpf.Tracing {
			continue
		}
		idle, err := ebpf.NewProgram(&ebpf.ProgramSpec{
			Name: "tcpwhy_idle", Type: program.Type(), AttachType: known.attach, License: "Apache-2.0",
			Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()}, // go on
		})
		if err != nil {
			return fmt.Errorf("load a program that does nothing: %w", err)
		}
		o.drop(known.name)
		o.programs[known.name] = idle
	}
	return nil
}
