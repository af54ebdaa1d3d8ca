// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
)

// TestExcludedLeavesNothing looks for the records and flows of an excluded and of
// an observed connection.
func TestExcludedLeavesNothing(t *testing.T) {
	all := gates(t)
	excluded, observed := all["low"], all["high"]
	k := observe(t, Config{Exclude: []Rule{{Ports: []uint16{excluded.port()}}}})
	client, server := excluded.open(t)
	require.False(t, recorded(t, k, client))
	require.False(t, recorded(t, k, server))
	client, server = observed.open(t)
	require.True(t, recorded(t, k, client))
	require.True(t, recorded(t, k, server))

	k.collect()
	require.Empty(t, k.keys(excluded.ends))
	require.Len(t, k.keys(observed.ends), 2)
}

// TestExcludedIsNotCalledBack looks for what an excluded and an observed connection
// ask the kernel for when they are established. Programs of a cgroup run in the order
// in which they were attached, those of the root after them: between one witness and
// the other runs the kernel side alone, whatever else is attached to this machine.
func TestExcludedIsNotCalledBack(t *testing.T) {
	group := cgroup.New(t)
	group.Add(os.Getpid())
	all := gates(t)
	excluded, observed := all["low"], all["high"]
	before := watchFlags(t, group)
	observe(t, Config{Cgroup: group.Path, Exclude: []Rule{{Ports: []uint16{excluded.port()}}}})
	after := watchFlags(t, group)

	excluded.open(t)
	was := before() // another program of the root may ask when a client connects
	require.Equal(t, flags{was[0] | excludedFlag, was[1] | excludedFlag}, after())
	observed.open(t)
	was = before()
	require.Equal(t, flags{was[0] | ourFlags, was[1] | ourFlags}, after())
}

// excludedFlag is for timeouts, which are few: it marks whoever is excluded.
const excludedFlag = 1 << 0

// ourFlags are for round trips, changes of state and retransmissions (linux/bpf.h).
const ourFlags = 1<<3 | 1<<2 | 1<<1

// flags are the callbacks that the kernel was asked for when the last connection was
// established, by its client's and its server's end.
type flags [2]uint32

// watchFlags attaches a program that reads them to a cgroup. Each reading is good
// for one connection.
func watchFlags(t *testing.T, group *cgroup.Group) func() flags {
	t.Helper()
	const none = 1 << 31
	seen, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: numOps})
	require.NoError(t, err)
	t.Cleanup(func() { _ = seen.Close() })
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "flags", Type: ebpf.SockOps, AttachType: ebpf.AttachCGroupSockOps, License: "GPL",
		Instructions: asm.Instructions{
			asm.Mov.Reg(asm.R6, asm.R1),
			asm.LoadMem(asm.R7, asm.R6, ctxOp, asm.Word),
			asm.JEq.Imm(asm.R7, opActiveEstablished, "write"),
			asm.JNE.Imm(asm.R7, opPassiveEstablished, "exit"),
			asm.StoreMem(asm.RFP, -4, asm.R7, asm.Word).WithSymbol("write"),
			asm.LoadMapPtr(asm.R1, seen.FD()),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, -4),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "exit"),
			asm.LoadMem(asm.R1, asm.R6, ctxFlags, asm.Word),
			asm.StoreMem(asm.R0, 0, asm.R1, asm.Word),
			asm.Mov.Imm(asm.R0, 1).WithSymbol("exit"),
			asm.Return(),
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = program.Close() })
	(&stranger{t: t, program: program}).attach(group.Path)

	forget := func() {
		for _, op := range []uint32{opActiveEstablished, opPassiveEstablished} {
			require.NoError(t, seen.Put(op, uint32(none)))
		}
	}
	forget()
	return func() (f flags) {
		t.Helper()
		defer forget()
		for i, op := range []uint32{opActiveEstablished, opPassiveEstablished} {
			require.NoError(t, seen.Lookup(op, &f[i]))
		}
		return f
	}
}

// recorded reports whether the kernel side keeps a record of a socket.
func recorded(t *testing.T, k *collector, conn *net.TCPConn) bool {
	t.Helper()
	err := control(t, conn, func(fd int32) error {
		var record tcpwhyConn
		return k.objects.Conns.Lookup(fd, &record)
	})
	if err != nil {
		require.ErrorIs(t, err, ebpf.ErrKeyNotExist)
	}
	return err == nil
}

func control(t *testing.T, conn syscall.Conn, f func(fd int32) error) (err error) {
	t.Helper()
	raw, e := conn.SyscallConn()
	require.NoError(t, e)
	require.NoError(t, raw.Control(func(fd uintptr) { err = f(int32(fd)) }))
	return err
}
