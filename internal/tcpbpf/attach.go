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
)

// attach lets the programs run. The links hold no pins, so the kernel detaches
// with the process.
func attach(o *tcpwhyObjects, cgroup string) (_ []link.Link, err error) {
	var links []link.Link
	defer func() {
		if err != nil {
			closeAll(links)
		}
	}()
	l, err := link.AttachTracing(link.TracingOptions{Program: o.TcpwhyDestroy})
	if err != nil {
		return nil, fmt.Errorf("attach %s: %w", o.TcpwhyDestroy, err)
	}
	links = append(links, l)
	l, err = link.AttachCgroup(link.CgroupOptions{
		Path:    cgroup,
		Attach:  ebpf.AttachCGroupSockOps,
		Program: o.TcpwhySockOps,
	})
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("attach to cgroup %q: %w: CAP_NET_ADMIN is missing, or a sock_ops program that "+
			"allows no other beside it is attached there (bpftool cgroup show %[1]s)", cgroup, err)
	}
	if err != nil {
		return nil, fmt.Errorf("attach to cgroup %q: %w", cgroup, err)
	}
	return append(links, l), nil
}

func closeAll[C io.Closer](closers []C) error {
	var errs []error
	for _, c := range closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
