// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build amd64 || arm64

package ebpftcpreceiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/capability"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadata"
)

// roleVariable tells a test, executed again as another process, that it is that one:
// what is dropped does not come back.
const roleVariable = "TCPWHY_RECEIVER_ROLE"

const nobody = 65534

var mainJob = []uintptr{unix.CAP_BPF, unix.CAP_PERFMON, unix.CAP_NET_ADMIN}

// asUser executes a test again, as a user with exactly these capabilities.
func asUser(t *testing.T, user uint32, role string, capabilities ...uintptr) {
	t.Helper()
	root.Require(t)
	test, _, _ := strings.Cut(t.Name(), "/")
	command := exec.Command("/proc/self/exe", "-test.run=^"+test+"$", "-test.v")
	command.Env = append(os.Environ(), roleVariable+"="+role)
	command.SysProcAttr = &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: user, Gid: user},
		AmbientCaps: capabilities,
	}
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), "\n--- PASS: "+test, "it ran")
}

// A tenant is a receiver with its real pool, which drops capabilities, and an address of
// loopback that no other test on this machine uses.
type tenant struct {
	t       *testing.T
	address netip.Addr
	pool    *pool
}

func newTenant(t *testing.T) *tenant {
	n := 2 + rand.N(uint32(1)<<24-3) // neither a network's number nor 127.0.0.1
	p := newPool(openBPF, now)
	p.drop = dropSpare
	return &tenant{t, netip.AddrFrom4([4]byte{127, byte(n >> 16), byte(n >> 8), byte(n)}), p}
}

// requireExact runs a receiver on traffic, and compares what leaves with the truth.
func (e *tenant) requireExact(started func()) {
	e.t.Helper()
	factory, sink := newFactory(e.pool), new(consumertest.MetricsSink)
	cfg := factory.CreateDefaultConfig().(*Config)
	cfg.InitialDelay = time.Hour // Shutdown exports
	r, err := factory.CreateMetrics(e.t.Context(), receivertest.NewNopSettings(metadata.Type), cfg, sink)
	require.NoError(e.t, err)
	require.NoError(e.t, r.Start(e.t.Context(), componenttest.NewNopHost()))
	started()
	truths := e.talk(40)
	require.NoError(e.t, r.Shutdown(context.Background()))
	require.Equal(e.t, known(e.t, truths...), exported(e.t, sink, e.address.String()))
}

// talk makes connections, one after the other.
func (e *tenant) talk(connections int) (truths []traffic.Truth) {
	e.t.Helper()
	const request, answer = 1000, 70_000
	listener, err := net.Listen("tcp4", netip.AddrPortFrom(e.address, 0).String())
	require.NoError(e.t, err)
	defer listener.Close()
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(e.address, 0))}
	for range connections {
		client, err := dialer.DialContext(e.t.Context(), "tcp4", listener.Addr().String())
		require.NoError(e.t, err)
		server, err := listener.Accept()
		require.NoError(e.t, err)
		done := make(chan error, 1)
		go func() { done <- converse(server, request, answer) }()
		require.NoError(e.t, converse(client, answer, request))
		require.NoError(e.t, <-done)
		truths = append(truths, traffic.Truth{
			Client: traffic.End{Written: request, Read: answer, Info: tcpinfo.WaitClosed(e.t, client.(syscall.Conn))},
			Server: traffic.End{Written: answer, Read: request, Info: tcpinfo.WaitClosed(e.t, server.(syscall.Conn))},
		})
		require.NoError(e.t, errors.Join(client.Close(), server.Close()))
	}
	return truths
}

// converse sends, says that this was all, and reads what the other end sends.
func converse(conn net.Conn, read, write int) error {
	if _, err := conn.Write(make([]byte, write)); err != nil {
		return err
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, conn)
	if err == nil && n != int64(read) {
		return fmt.Errorf("read %d bytes, want %d", n, read)
	}
	return err
}

// TestThreeCapabilitiesObserve runs the receiver as a user who is not root and has no
// other capability, on real traffic.
func TestThreeCapabilitiesObserve(t *testing.T) {
	if os.Getenv(roleVariable) == "" {
		asUser(t, nobody, "observer", mainJob...)
		return
	}
	require.Equal(t, nobody, os.Geteuid())
	require.Equal(t, "[CAP_BPF CAP_PERFMON CAP_NET_ADMIN]", fmt.Sprint(capability.Held()))
	newTenant(t).requireExact(func() {
		require.Equal(t, "[CAP_BPF CAP_PERFMON CAP_NET_ADMIN]", fmt.Sprint(capability.Held()))
	})
}

// TestEachMissingCapabilityIsASentence denies one after the other.
func TestEachMissingCapabilityIsASentence(t *testing.T) {
	if want := os.Getenv(roleVariable); want != "" {
		factory := newFactory(newPool(openBPF, now))
		set := receivertest.NewNopSettings(metadata.Type)
		r, err := factory.CreateMetrics(t.Context(), set, factory.CreateDefaultConfig(), consumertest.NewNop())
		require.NoError(t, err)
		require.EqualError(t, r.Start(t.Context(), componenttest.NewNopHost()), want)
		require.NoError(t, r.Shutdown(t.Context()))
		return
	}
	for i, name := range []string{"CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"} {
		t.Run(name, func(t *testing.T) {
			var others []uintptr
			others = append(append(others, mainJob[:i]...), mainJob[i+1:]...)
			asUser(t, nobody, "missing the capability "+name+": run as root (sudo make run), or grant it: "+
				"setcap cap_bpf,cap_perfmon,cap_net_admin=ep <binary>", others...)
		})
	}
}

// TestCapabilitiesAreDroppedAfterStart gives the receiver all, of which it keeps those of
// the main job in every thread; it starts again without the others.
func TestCapabilitiesAreDroppedAfterStart(t *testing.T) {
	if os.Getenv(roleVariable) == "" {
		asUser(t, nobody, "dropper", append(mainJob, unix.CAP_SYS_ADMIN, unix.CAP_SYS_PTRACE, unix.CAP_DAC_READ_SEARCH)...)
		return
	}
	require.Len(t, capability.Held(), 6)
	e := newTenant(t)
	kept := "[CAP_BPF CAP_PERFMON CAP_NET_ADMIN]"
	if e.sweepsNamespaces() {
		kept = fmt.Sprint(capability.All)
	}
	for range 2 {
		e.requireExact(func() {
			require.Equal(t, kept, fmt.Sprint(capability.Held()))
			requireThreads(t, kept)
		})
	}
}

// sweepsNamespaces reports whether this kernel needs the capabilities at each sweep.
func (e *tenant) sweepsNamespaces() bool {
	e.t.Helper()
	hooks, err := tryBPF(createDefaultConfig().(*Config))
	require.NoError(e.t, err)
	for _, h := range hooks {
		if h.job == "sweep" {
			return h.name != "iter/bpf_sk_storage_map"
		}
	}
	return false
}

// requireThreads asks the kernel what each thread holds.
func requireThreads(t *testing.T, kept string) {
	t.Helper()
	var want uint64
	for _, c := range capability.All {
		if strings.Contains(kept, c.String()) {
			want |= 1 << c
		}
	}
	files, err := filepath.Glob("/proc/self/task/*/status")
	require.NoError(t, err)
	require.Greater(t, len(files), 1)
	for _, file := range files {
		status, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // the thread has ended
		}
		require.NoError(t, err)
		for line := range strings.Lines(string(status)) {
			for _, set := range []string{"CapPrm:", "CapEff:"} {
				var have uint64
				if strings.HasPrefix(line, set) {
					_, err := fmt.Sscanf(line, set+" %x", &have)
					require.NoError(t, err)
					assert.Equal(t, want, have, "%s of %s", set, file)
				}
			}
		}
	}
}
