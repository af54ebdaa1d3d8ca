// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"net/netip"
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/kernel"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestProgramsAreThoseOfTheObject: one that is in no list would not run.
func TestProgramsAreThoseOfTheObject(t *testing.T) {
	spec, err := loadTcpwhy()
	require.NoError(t, err)
	known := make(map[string]ebpf.AttachType)
	for _, p := range programs {
		known[p.name] = p.attach
	}
	want := make(map[string]ebpf.AttachType)
	for name, program := range spec.Programs {
		want[name] = program.AttachType
	}
	require.Equal(t, want, known)
}

// TestEachNeedIsKnown: a need that nobody refuses would look as if it were met.
func TestEachNeedIsKnown(t *testing.T) {
	for _, j := range jobs {
		for i, w := range j.ways {
			for _, need := range w.needs {
				known := need == needNamespaces || need == needFlags || need == needBuffer || need == needReasons
				for _, p := range programs {
					known = known || p.name == need
				}
				require.True(t, known, "%s: %s", j.name, need)
			}
			require.Equal(t, i > 0, w.lost != "", "%s at %s: what is lost", j.name, w.hook)
		}
		p := plan{}
		for _, program := range optional() {
			p.refuse(program, errors.New("refused"))
		}
		require.Equal(t, p.choose(j) < len(j.ways), j.lost == "", "%s: what is lost without it", j.name)
	}
}

// isMain reports whether nothing is observed without a program.
func isMain(program string) bool {
	return plan{program: errors.New("refused")}.impossible() != nil
}

// optional are the programs that the main jobs can do without, all at once.
func optional() (names []string) {
	for _, p := range programs {
		if !isMain(p.name) && p.name != ProgramSweepFiles {
			names = append(names, p.name)
		}
	}
	return names
}

func TestMainPrograms(t *testing.T) {
	var main []string
	for _, p := range programs {
		if isMain(p.name) {
			main = append(main, p.name)
		}
	}
	require.Equal(t, []string{ProgramSockOps}, main)
}

// TestMainJobNeedsOneOfItsWays names why the best one cannot be gone.
func TestMainJobNeedsOneOfItsWays(t *testing.T) {
	why := errors.New("refused")
	require.NoError(t, plan{ProgramConnect4: why, ProgramDestroy: why, needFlags: why, ProgramSweep: why}.impossible())
	require.ErrorIs(t, plan{ProgramSockOps: why}.impossible(), why)
	require.ErrorIs(t, plan{ProgramSweep: why, ProgramSweepFiles: errors.New("refused too")}.impossible(), why)
}

// TestPlanTakesTheNextWay tells why not the best one.
func TestPlanTakesTheNextWay(t *testing.T) {
	p := plan{}
	p.refuse(needNamespaces, errors.New("no\n\tCAP_SYS_ADMIN"))
	p.refuse(needNamespaces, errors.New("the first reason counts"))
	p.refuse(needFlags, nil)
	p.refuse("c", errors.New("too old"))
	j := job{name: "j", lost: "everything", never: "this", ways: []way{
		{"a", []string{"c", needNamespaces}, ""}, {"b", []string{needNamespaces}, "much"}, {"d", []string{needFlags}, "more"},
	}}
	require.Equal(t, Hook{Job: "j", Name: "d", Reason: "a: too old", Lost: "more", Never: "this"}, p.hook(j))
	p.refuse(needFlags, errors.New("missing"))
	require.Equal(t, Hook{Job: "j", Reason: "a: too old", Lost: "everything", Never: "this"}, p.hook(j))
	require.Equal(t, Hook{Job: "j", Name: "a", Never: "this"}, plan{}.hook(j))
}

// unverifiable makes the kernel refuse programs, as a kernel without a helper does.
func unverifiable(names ...string) func(*ebpf.CollectionSpec) {
	return func(spec *ebpf.CollectionSpec) {
		for _, name := range names {
			spec.Programs[name].Instructions = asm.Instructions{
				asm.Mov.Imm(asm.R0, 0), asm.BuiltinFunc(9999).Call(), asm.Return(),
			}
		}
	}
}

// unattachable makes the kernel take programs and refuse to attach them, as it does with
// iterators over what it does not let one go through. These go through cgroups, and do not
// say through which.
func unattachable(names ...string) func(*ebpf.CollectionSpec) {
	return func(spec *ebpf.CollectionSpec) {
		for _, name := range names {
			spec.Programs[name].AttachTo = "cgroup"
			spec.Programs[name].Instructions = asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}
		}
	}
}

// degraded returns the jobs that are not done at the best hook, but for those that this
// machine never does there.
func degraded(t *testing.T, hooks []Hook) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, h := range hooks {
		if h.Reason != "" {
			all[h.Job] = h.Name
			require.NotEmpty(t, h.Lost, h.Job)
			require.NotContains(t, h.Reason, "\n")
		}
	}
	if all["older_callbacks"] == bySweep(t) && !callbacksOfOlder(t) {
		delete(all, "older_callbacks")
	}
	if !sweepsRecords(t) {
		delete(all, "sweep")
	}
	if _, is := all["listener_reset"]; is && !tellsSocketOfDrop(t) {
		delete(all, "listener_reset")
	}
	if all["reset"] == "tp_btf/tcp_send_reset" && !tellsReasons() {
		delete(all, "reset")
	}
	return all
}

// sweepsRecords reports whether this kernel can go from record to record.
func sweepsRecords(t *testing.T) bool {
	t.Helper()
	can := false
	t.Run("sweep of records", func(t *testing.T) {
		kernel.Require(t, kernel.RecordIterator)
		can = true
	})
	return can
}

// tellsSocketOfDrop reports whether this kernel says whose a dropped segment was.
func tellsSocketOfDrop(t *testing.T) bool {
	t.Helper()
	can := false
	t.Run("socket of a drop", func(t *testing.T) {
		kernel.Require(t, kernel.SocketOfDrop)
		can = true
	})
	return can
}

// bySweep is where round trips of older connections are sampled without callbacks.
func bySweep(t *testing.T) string {
	t.Helper()
	if sweepsRecords(t) {
		return "iter/bpf_sk_storage_map"
	}
	return "iter/task_file"
}

func tellsReasons() bool {
	_, err := resetNames()
	return err == nil
}

// TestWithoutEachProgram has the real verifier refuse one program after the other. The
// main job is done exactly all the same, or opening fails with one sentence.
func TestWithoutEachProgram(t *testing.T) {
	for program, want := range map[string]map[string]string{
		ProgramConnect4:  {"client_owner_ipv4": "sock_ops/TCP_CONNECT_CB"},
		ProgramConnect6:  {"client_owner_ipv6": "sock_ops/TCP_CONNECT_CB"},
		ProgramDestroy:   {"missed_close": ""},
		ProgramReset:     {"reset": "tp_btf/tcp_destroy_sock"},
		ProgramSynAck:    {"listener_overflow": ""},
		ProgramDrop:      {"listener_reset": ""},
		ProgramFind:      {"listener_heir": "", "find_older": "iter/tcp"},
		ProgramCallbacks: {"find_older_unheld": "", "older_callbacks": bySweep(t)},
		ProgramSockOps:   nil,
		ProgramSweep:     {"sweep": "iter/task_file, iter/tcp"},
	} {
		t.Run(program, func(t *testing.T) {
			root.Require(t)
			cfg := Config{MaxFlows: roomy, tamper: unverifiable(program)}
			if isMain(program) {
				_, err := Open(cfg)
				requireOneSentence(t, err, "missing a kernel whose verifier accepts the BPF programs: boot another one than "+
					kernel.Release(t)+", and report the verifier's log, which the log level debug shows")
				return
			}
			k := observe(t, cfg)
			if program == ProgramSweep && !sweepsRecords(t) {
				delete(want, "sweep")
			}
			if program == ProgramCallbacks && !callbacksOfOlder(t) {
				delete(want, "older_callbacks")
			}
			if program == ProgramDrop && !tellsSocketOfDrop(t) {
				delete(want, "listener_reset")
			}
			have := degraded(t, k.Hooks())
			if program == ProgramSweep && !callbacksOfOlder(t) { // the kernel's own reason comes first
				require.Equal(t, "iter/task_file", have["older_callbacks"])
				delete(have, "older_callbacks")
			}
			require.Equal(t, want, have)
			for _, h := range k.Hooks() {
				if _, ok := want[h.Job]; ok {
					require.Contains(t, h.Reason, "invalid func unknown#9999")
				}
			}
			requireMainJob(t, k)
		})
	}
}

// TestWithoutAnyOptional is left with the main job.
func TestWithoutAnyOptional(t *testing.T) {
	k := observe(t, Config{tamper: unverifiable(optional()...)})
	requireMainJob(t, k)
	counted, err := k.Programs()
	require.NoError(t, err)
	require.Len(t, counted, len(programs)-len(optional()))
}

// TestBufferThatIsTooLarge has the kernel refuse the events' buffer: a small one is
// taken, and what it has no room for is counted.
func TestBufferThatIsTooLarge(t *testing.T) {
	const refused = 200
	p := newPlace(t)
	k := observe(t, Config{EventLimits: [flow.NumEventKinds]int{MaxEventLimit, 1}, Include: peers(p.IPv4),
		tamper: func(spec *ebpf.CollectionSpec) {
			spec.Maps[mapEvents].MaxEntries = 3 * uint32(os.Getpagesize()) // not a power of two
		}})
	require.Equal(t, map[string]string{"events": "ringbuf"}, degraded(t, k.Hooks()))
	require.EqualValues(t, os.Getpagesize(), k.objects.Events.MaxEntries())
	events := follow(t, k)
	refuse(t, p, refused)
	failedTo(k, netip.AddrPortFrom(p.IPv4, 9), refused)
	have := len(rest(t, events))
	drops, err := events.Drops()
	require.NoError(t, err)
	require.NotZero(t, have)
	require.NotZero(t, drops.Full)
	require.Equal(t, refused, have+int(drops.Full))
}

// requireMainJob makes connections and compares with what applications and sockets say.
func requireMainJob(t *testing.T, k *collector) {
	t.Helper()
	const n = 20
	p := newPlace(t)
	for _, address := range []string{p.IPv4.String(), p.IPv6.String()} {
		traffic.Loopback(p.NS, address).Run(t, 4, traffic.Exchange(2, 1000, 3000).Times(n)...)
	}
	k.untilClosed(4*n, p.here())
	client, server := k.sum(role(flow.RoleClient, p.here())), k.sum(role(flow.RoleServer, p.here()))
	require.Equal(t, [2]uint64{2 * n * 2000, 2 * n * 6000}, client.Bytes)
	require.Equal(t, [2]uint64{2 * n * 6000, 2 * n * 2000}, server.Bytes)
	require.EqualValues(t, 2*n, client.Closed[flow.CloseFIN])
	require.EqualValues(t, 2*n, server.Closed[flow.CloseFIN])
	for _, key := range k.keys(p.here()) {
		require.EqualValues(t, os.Getpid(), key.Owner.PID())
	}
}

// TestConnectThatAllowsNoOther attaches a connect program in the old way: ours cannot be
// beside it, and owners come from elsewhere.
func TestConnectThatAllowsNoOther(t *testing.T) {
	group := cgroup.New(t)
	group.Add(os.Getpid())
	id := newLoneConnect(t, group.Path)
	k := observe(t, Config{Cgroup: group.Path})
	require.Equal(t, map[string]string{"client_owner_ipv4": "sock_ops/TCP_CONNECT_CB"}, degraded(t, k.Hooks()))
	require.Equal(t, "cgroup/connect4: attach to cgroup \""+group.Path+"\": create link: operation not permitted: connect4 program "+id+
		" \"lone\" is attached there and allows no other beside it: have it attached with BPF_F_ALLOW_MULTI", k.Hooks()[0].Reason)
	requireMainJob(t, k)
}
