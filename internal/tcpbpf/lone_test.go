// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"os"
	"strconv"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/stretchr/testify/require"
)

// newLoneConnect attaches a program to a cgroup's connect4, without BPF_F_ALLOW_MULTI,
// and returns its number.
func newLoneConnect(t *testing.T, group string) (id string) {
	t.Helper()
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "lone", Type: ebpf.CGroupSockAddr, AttachType: ebpf.AttachCGroupInet4Connect, License: "Apache-2.0",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, program.Close()) })
	dir, err := os.Open(group)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, dir.Close()) })
	at := link.RawAttachProgramOptions{Target: int(dir.Fd()), Program: program, Attach: ebpf.AttachCGroupInet4Connect}
	require.NoError(t, link.RawAttachProgram(at))
	t.Cleanup(func() { require.NoError(t, link.RawDetachProgram(link.RawDetachProgramOptions(at))) })
	info, err := program.Info()
	require.NoError(t, err)
	n, _ := info.ID()
	return strconv.Itoa(int(n))
}
