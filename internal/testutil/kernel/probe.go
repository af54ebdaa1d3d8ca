// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// victim is a kernel function that programs can hang on to.
const victim = "tcp_close"

func probeBase(testing.TB) error {
	return errors.Join(
		features.HaveProgramType(ebpf.SockOps),
		features.HaveMapType(ebpf.SkStorage),
		features.HaveMapType(ebpf.RingBuf),
		try(ebpf.ProgramSpec{Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: "inet_sock_set_state"},
			func(p *ebpf.Program) (link.Link, error) { return link.AttachTracing(link.TracingOptions{Program: p}) }),
		try(ebpf.ProgramSpec{Type: ebpf.Tracing, AttachType: ebpf.AttachTraceIter, AttachTo: "tcp"},
			func(p *ebpf.Program) (link.Link, error) { return link.AttachIter(link.IterOptions{Program: p}) }),
	)
}

func probeRecordIterator(testing.TB) error {
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.SkStorage, KeySize: 4, ValueSize: 4, Flags: unix.BPF_F_NO_PREALLOC,
		Key: &btf.Int{Size: 4}, Value: &btf.Int{Size: 4}})
	if err != nil {
		return fmt.Errorf("create map: %w", err)
	}
	defer func() { _ = m.Close() }()
	return try(ebpf.ProgramSpec{Type: ebpf.Tracing, AttachType: ebpf.AttachTraceIter, AttachTo: "bpf_sk_storage_map"},
		func(p *ebpf.Program) (link.Link, error) { return link.AttachIter(link.IterOptions{Program: p, Map: m}) })
}

func probeFentry(testing.TB) error {
	return try(ebpf.ProgramSpec{Type: ebpf.Tracing, AttachType: ebpf.AttachTraceFEntry, AttachTo: victim},
		func(p *ebpf.Program) (link.Link, error) { return link.AttachTracing(link.TracingOptions{Program: p}) })
}

func probeKprobe(testing.TB) error {
	return try(ebpf.ProgramSpec{Type: ebpf.Kprobe},
		func(p *ebpf.Program) (link.Link, error) { return link.Kprobe(victim, p, nil) })
}

func probeKprobeMulti(testing.TB) error {
	return try(ebpf.ProgramSpec{Type: ebpf.Kprobe, AttachType: ebpf.AttachTraceKprobeMulti},
		func(p *ebpf.Program) (link.Link, error) {
			return link.KprobeMulti(p, link.KprobeMultiOptions{Symbols: []string{victim}})
		})
}

func probeResetReason(testing.TB) error {
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		return err
	}
	var enum *btf.Enum
	return kernel.TypeByName("sk_rst_reason", &enum)
}

// probeSocketOfDrop counts the tracepoint's arguments: a context, the segment, the place,
// the reason and, if it is told, the socket.
func probeSocketOfDrop(testing.TB) error {
	types, err := btf.LoadKernelSpec()
	if err != nil {
		return err
	}
	var tracepoint *btf.Typedef
	if err := types.TypeByName("btf_trace_kfree_skb", &tracepoint); err != nil {
		return err
	}
	pointer, _ := tracepoint.Type.(*btf.Pointer)
	if pointer == nil {
		return errors.New("look at kfree_skb: it is no function")
	}
	if proto, is := pointer.Target.(*btf.FuncProto); !is || len(proto.Params) < 5 {
		return errors.New("look at kfree_skb: it tells no socket")
	}
	return nil
}

func probeTCX(t testing.TB) (err error) {
	const loopback = 1 // index, in every namespace
	ns := netns.New(t)
	return try(ebpf.ProgramSpec{Type: ebpf.SchedCLS},
		func(p *ebpf.Program) (l link.Link, err error) {
			err = ns.Try(func() (err error) {
				l, err = link.AttachTCX(link.TCXOptions{Program: p, Attach: ebpf.AttachTCXIngress, Interface: loopback})
				return err
			})
			return l, err
		})
}

// try loads a program that does nothing and attaches it for a moment.
func try(spec ebpf.ProgramSpec, attach func(*ebpf.Program) (link.Link, error)) error {
	spec.License = "GPL"
	spec.Instructions = asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}
	program, err := ebpf.NewProgram(&spec)
	if err != nil {
		return fmt.Errorf("load program: %w", err)
	}
	defer func() { _ = program.Close() }()
	l, err := attach(program)
	if err != nil {
		return fmt.Errorf("attach program: %w", err)
	}
	return l.Close()
}

// probeCallbackFlags looks for the option's name. It belongs to an enumeration
// without a name, so the kernel's types are searched as text.
func probeCallbackFlags(testing.TB) error {
	const option = "TCP_BPF_SOCK_OPS_CB_FLAGS"
	types, err := os.ReadFile("/sys/kernel/btf/vmlinux")
	if err != nil {
		return fmt.Errorf("read kernel types: %w", err)
	}
	if !bytes.Contains(types, append([]byte(option), 0)) {
		return fmt.Errorf("find %s in the kernel's types: %w", option, os.ErrNotExist)
	}
	return nil
}

func probeSocketLength(testing.TB) error {
	types, err := btf.LoadKernelSpec()
	if err != nil {
		return err
	}
	var tracepoint *btf.Typedef
	return types.TypeByName("btf_trace_sock_send_length", &tracepoint)
}

func probeNetem(t testing.TB) error {
	links := netns.New(t).Netlink()
	loopback, err := links.LinkByName("lo")
	if err != nil {
		return err
	}
	qdisc := netlink.NewNetem(
		netlink.QdiscAttrs{LinkIndex: loopback.Attrs().Index, Parent: netlink.HANDLE_ROOT},
		netlink.NetemQdiscAttrs{Latency: 1})
	return links.QdiscAdd(qdisc)
}
