// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// attach lets the programs run that are there, but for those that come late. What cannot be attached the plan notes;
// without a main job that is an error. The links hold no pins, so the kernel detaches
// with the process.
func attach(o *objects, cgroup string, p plan) (_ []link.Link, err error) {
	var links []link.Link
	defer func() {
		if err != nil {
			_ = closeAll(links)
		}
	}()
	for _, known := range programs {
		program := o.programs[known.name]
		if program == nil || known.late || known.attach == ebpf.AttachTraceIter {
			continue
		}
		l, err := attachOne(program, cgroup, known.attach)
		if err == nil {
			links = append(links, l)
			continue
		}
		p.refuse(known.name, err)
		o.drop(known.name)
		if p.impossible() != nil {
			return nil, err
		}
	}
	return links, nil
}

func attachOne(p *ebpf.Program, cgroup string, attach ebpf.AttachType) (l link.Link, err error) {
	if attach == ebpf.AttachTraceRawTp {
		if l, err = link.AttachTracing(link.TracingOptions{Program: p}); err != nil {
			return nil, fmt.Errorf("attach %s: %w", p, err)
		}
		return l, nil
	}
	if l, err = attachCgroup(p, cgroup, attach); err != nil {
		return nil, fmt.Errorf("attach to cgroup %q: %w", cgroup, err)
	}
	return l, nil
}

func attachCgroup(p *ebpf.Program, cgroup string, attach ebpf.AttachType) (link.Link, error) {
	l, err := link.AttachCgroup(link.CgroupOptions{Path: cgroup, Attach: attach, Program: p})
	switch {
	case errors.Is(err, unix.EBADF):
		return nil, errors.New("it is not a directory of the cgroup v2 hierarchy")
	case errors.Is(err, unix.EPERM):
		return nil, fmt.Errorf("%w: %s", err, refusal(cgroup, attach))
	}
	return l, err
}

// hooks are what users call the places that programs are attached to.
var hooks = map[ebpf.AttachType]string{
	ebpf.AttachCGroupSockOps:      "sock_ops",
	ebpf.AttachCGroupInet4Connect: "connect4",
	ebpf.AttachCGroupInet6Connect: "connect6",
}

// refusal says why the kernel lets nobody attach to a cgroup who has the
// capability to.
func refusal(path string, attach ebpf.AttachType) string {
	id, ok := attached(path, attach)
	if !ok {
		return fmt.Sprintf("a %s program further up in the hierarchy allows none here, or CAP_NET_ADMIN is missing", hooks[attach])
	}
	name := ""
	if p, err := ebpf.NewProgramFromID(id); err == nil {
		defer p.Close()
		if info, err := p.Info(); err == nil {
			name = fmt.Sprintf(" %q", info.Name)
		}
	}
	return fmt.Sprintf("%s program %d%s is attached there and allows no other beside it: "+
		"have it attached with BPF_F_ALLOW_MULTI", hooks[attach], id, name)
}

// attached returns the first program of a cgroup.
func attached(path string, attach ebpf.AttachType) (id ebpf.ProgramID, ok bool) {
	dir, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer dir.Close()
	result, err := link.QueryPrograms(link.QueryOptions{Target: int(dir.Fd()), Attach: attach})
	if err != nil || len(result.Programs) == 0 {
		return 0, false
	}
	return result.Programs[0].ID, true
}

func closeAll[C io.Closer](closers []C) error {
	var errs []error
	for _, c := range closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
