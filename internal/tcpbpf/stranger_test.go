// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/stretchr/testify/require"
)

// Callbacks and flags of the kernel's user API (linux/bpf.h).
const (
	opRwndInit           = 2
	opActiveEstablished  = 4
	opPassiveEstablished = 5
	opRetrans            = 9
	opRTT                = 12
	numOps               = 32

	flagRTO     = 1
	flagRetrans = 2
)

// Offsets in the kernel's struct bpf_sock_ops.
const (
	ctxOp    = 0
	ctxReply = 4 // and the first argument
	ctxSegs  = 8 // the second argument
	ctxFlags = 84
)

// strangersWindow is what a stranger replies when it is asked for the first
// window, in segments.
const strangersWindow = 4

// A stranger is somebody else's sock_ops program. It counts callbacks, decides on
// the first window, and asks for callbacks of its own.
type stranger struct {
	t       testing.TB
	program *ebpf.Program
	calls   *ebpf.Map // by op; of retransmissions the segments
}

// newStranger loads the program. It keeps others' flags, or it does not: neither at
// establishment, after which a program of the root cgroup may set them anew, nor
// at the first round trip.
func newStranger(t testing.TB, flags int32, keeps bool) *stranger {
	t.Helper()
	calls, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: numOps})
	require.NoError(t, err)
	t.Cleanup(func() { _ = calls.Close() })

	others, again := asm.Mov.Imm(asm.R3, 0), int32(opRTT)
	if keeps {
		others, again = asm.LoadMem(asm.R3, asm.R6, ctxFlags, asm.Word), opPassiveEstablished
	}
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "stranger", Type: ebpf.SockOps, AttachType: ebpf.AttachCGroupSockOps, License: "GPL",
		Instructions: asm.Instructions{
			asm.Mov.Reg(asm.R6, asm.R1),
			asm.LoadMem(asm.R7, asm.R6, ctxOp, asm.Word),
			asm.Mov.Imm(asm.R8, 1),
			asm.JNE.Imm(asm.R7, opRetrans, "count"),
			asm.LoadMem(asm.R8, asm.R6, ctxSegs, asm.Word),

			asm.StoreMem(asm.RFP, -4, asm.R7, asm.Word).WithSymbol("count"),
			asm.LoadMapPtr(asm.R1, calls.FD()),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, -4),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "reply"),
			asm.AddAtomic.Mem(asm.R0, asm.R8, asm.DWord, 0),

			asm.JNE.Imm(asm.R7, opRwndInit, "ask").WithSymbol("reply"),
			asm.Mov.Imm(asm.R1, strangersWindow),
			asm.StoreMem(asm.R6, ctxReply, asm.R1, asm.Word),

			asm.JEq.Imm(asm.R7, opActiveEstablished, "flags").WithSymbol("ask"),
			asm.JEq.Imm(asm.R7, opPassiveEstablished, "flags"),
			asm.JNE.Imm(asm.R7, again, "exit"),
			others.WithSymbol("flags"),
			asm.Mov.Imm(asm.R2, flags),
			asm.Or.Reg(asm.R2, asm.R3),
			asm.Mov.Reg(asm.R1, asm.R6),
			asm.FnSockOpsCbFlagsSet.Call(),
			asm.Mov.Imm(asm.R0, 1).WithSymbol("exit"),
			asm.Return(),
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = program.Close() })
	return &stranger{t, program, calls}
}

// attach attaches the program to a cgroup, beside others.
func (s *stranger) attach(cgroup string) {
	s.t.Helper()
	l, err := link.AttachCgroup(link.CgroupOptions{Path: cgroup, Attach: ebpf.AttachCGroupSockOps, Program: s.program})
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = l.Close() })
}

// count returns how often the kernel called back, of retransmissions the segments.
func (s *stranger) count(op uint32) (n uint64) {
	s.t.Helper()
	require.NoError(s.t, s.calls.Lookup(op, &n))
	return n
}
