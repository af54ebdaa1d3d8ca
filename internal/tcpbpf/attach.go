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

// attach lets the programs run. The links hold no pins, so the kernel detaches
// with the process.
func attach(o *tcpwhyObjects, cgroup string) (_ []link.Link, err error) {
	var links []link.Link
	defer func() {
		if err != nil {
			_ = closeAll(links)
		}
	}()
	l, err := link.AttachTracing(link.TracingOptions{Program: o.TcpwhyDestroy})
	if err != nil {
		return nil, fmt.Errorf("attach %s: %w", o.TcpwhyDestroy, err)
	}
	links = append(links, l)
	if l, err = attachSockOps(o.TcpwhySockOps, cgroup); err != nil {
		return nil, fmt.Errorf("attach to cgroup %q: %w", cgroup, err)
	}
	return append(links, l), nil
}

func attachSockOps(p *ebpf.Program, cgroup string) (link.Link, error) {
	l, err := link.AttachCgroup(link.CgroupOptions{Path: cgroup, Attach: ebpf.AttachCGroupSockOps, Program: p})
	switch {
	case errors.Is(err, unix.EBADF):
		return nil, errors.New("it is not a directory of the cgroup v2 hierarchy")
	case errors.Is(err, unix.EPERM):
		return nil, fmt.Errorf("%w: %s", err, refusal(cgroup))
	}
	return l, err
}

// refusal says why the kernel lets nobody attach to a cgroup who has the
// capability to.
func refusal(path string) string {
	id, ok := attached(path)
	if !ok {
		return "a sock_ops program further up in the hierarchy allows none here, or CAP_NET_ADMIN is missing"
	}
	name := ""
	if p, err := ebpf.NewProgramFromID(id); err == nil {
		defer p.Close()
		if info, err := p.Info(); err == nil {
			name = fmt.Sprintf(" %q", info.Name)
		}
	}
	return fmt.Sprintf("sock_ops program %d%s is attached there and allows no other beside it: "+
		"have it attached with BPF_F_ALLOW_MULTI", id, name)
}

// attached returns the first program of a cgroup.
func attached(path string) (id ebpf.ProgramID, ok bool) {
	dir, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer dir.Close()
	result, err := link.QueryPrograms(link.QueryOptions{Target: int(dir.Fd()), Attach: ebpf.AttachCGroupSockOps})
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
