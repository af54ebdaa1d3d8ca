// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// TestRewrittenConnects has a program after ours put another address in the place of the one
// that a process connects to, as load balancers do that work in sockets. A connection is to
// whom it was made to; what failed before its SYN, to whom it was asked for, and for its reason.
func TestRewrittenConnects(t *testing.T) {
	const port = 8099
	virtual := netip.MustParseAddr("203.0.113.77")
	for name, test := range map[string]struct {
		to    netip.Addr // the zero value is the place's own
		ports string
		err   error
		want  flow.Failure
	}{
		"answered":      {ports: "40000 60999"},
		"no port left":  {ports: "1500 1501", err: unix.EADDRNOTAVAIL, want: flow.FailureNoAddress},
		"without route": {to: netip.MustParseAddr("203.0.113.78"), ports: "40000 60999", err: unix.ENETUNREACH, want: flow.FailureNetworkUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			to := test.to
			if !to.IsValid() {
				to = p.IPv4
			}
			k := observe(t, Config{Include: only(p, virtual)})
			rewrite(t, virtual, to)
			p.Listen(netip.AddrPortFrom(p.IPv4, port).String())
			p.SetSysctl("net.ipv4.ip_local_port_range", test.ports)
			asked, real := netip.AddrPortFrom(virtual, port), netip.AddrPortFrom(to, port)
			if test.err == nil {
				conn, err := p.Dial(asked.String())
				require.NoError(t, err)
				defer conn.Close()
				k.collect()
				require.Equal(t, real, conn.RemoteAddr().(interface{ AddrPort() netip.AddrPort }).AddrPort())
				require.EqualValues(t, 1, k.sum(role(flow.RoleClient, at(to))).Opened)
				require.Empty(t, k.keys(at(virtual)))
				return
			}
			if test.want == flow.FailureNoAddress {
				for range 2 {
					conn, err := p.Dial(real.String())
					require.NoError(t, err)
					t.Cleanup(func() { _ = conn.Close() })
				}
			}
			for range 3 {
				attempt(t, p, asked, test.err)
			}
			var want [flow.NumFailures]uint64
			want[test.want] = 3
			require.Equal(t, want, failedTo(k, asked, 3))
		})
	}
}

// rewrite attaches the program, which has connects to one address go to another.
func rewrite(t *testing.T, from, to netip.Addr) {
	t.Helper()
	const address = 4 // user_ip4 of struct bpf_sock_addr
	word := func(a netip.Addr) int64 { b := a.As4(); return int64(binary.NativeEndian.Uint32(b[:])) }
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "rewrite", Type: ebpf.CGroupSockAddr, AttachType: ebpf.AttachCGroupInet4Connect, License: "Apache-2.0",
		Instructions: asm.Instructions{
			asm.LoadMem(asm.R2, asm.R1, address, asm.Word),
			asm.LoadImm(asm.R3, word(from), asm.DWord),
			asm.JNE.Reg(asm.R2, asm.R3, "go on"),
			asm.LoadImm(asm.R2, word(to), asm.DWord),
			asm.StoreMem(asm.R1, address, asm.R2, asm.Word),
			asm.Mov.Imm(asm.R0, 1).WithSymbol("go on"),
			asm.Return(),
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = program.Close() })
	root, err := cgroup.Root()
	require.NoError(t, err)
	l, err := link.AttachCgroup(link.CgroupOptions{Path: root, Attach: ebpf.AttachCGroupInet4Connect, Program: program})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
}
