// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package floor

import (
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// records are as those of bpf/maps.bpf.h: the kernel copies a listener's into each of
// its children. It wants to know the type of what lies in sockets.
func records(size uint32) *ebpf.MapSpec {
	number := &btf.Int{Name: "unsigned int", Size: 4}
	return &ebpf.MapSpec{
		Name:      "tcpwhy_floor",
		Type:      ebpf.SkStorage,
		Flags:     unix.BPF_F_NO_PREALLOC | unix.BPF_F_CLONE,
		KeySize:   4,
		ValueSize: size,
		Key:       &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed},
		Value:     &btf.Array{Index: number, Type: &btf.Int{Name: "unsigned char", Size: 1}, Nelems: size},
	}
}

// Places in struct bpf_sock_ops of include/uapi/linux/bpf.h.
const (
	opAt = 0
	skAt = 184
)

// Labels.
const (
	record    = "record"
	callbacks = "callbacks"
	done      = "done"
)

// keep makes a record where the real program makes one, and asks for its callbacks.
func keep(m *ebpf.Map) asm.Instructions {
	const flags = unix.BPF_SOCK_OPS_RTT_CB_FLAG | unix.BPF_SOCK_OPS_STATE_CB_FLAG | unix.BPF_SOCK_OPS_RETRANS_CB_FLAG
	return asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.LoadMem(asm.R2, asm.R6, opAt, asm.Word),
		asm.JEq.Imm(asm.R2, unix.BPF_SOCK_OPS_TCP_LISTEN_CB, record),
		asm.JEq.Imm(asm.R2, unix.BPF_SOCK_OPS_TCP_CONNECT_CB, record),
		asm.JEq.Imm(asm.R2, unix.BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB, callbacks),
		asm.JEq.Imm(asm.R2, unix.BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB, callbacks),
		asm.Ja.Label(done),

		asm.LoadMem(asm.R2, asm.R6, skAt, asm.DWord).WithSymbol(record),
		asm.JEq.Imm(asm.R2, 0, done),
		asm.LoadMapPtr(asm.R1, m.FD()),
		asm.Mov.Imm(asm.R3, 0),
		asm.Mov.Imm(asm.R4, unix.BPF_SK_STORAGE_GET_F_CREATE),
		asm.FnSkStorageGet.Call(),
		asm.Ja.Label(done),

		asm.Mov.Reg(asm.R1, asm.R6).WithSymbol(callbacks),
		asm.Mov.Imm(asm.R2, flags),
		asm.FnSockOpsCbFlagsSet.Call(),
	}
}
