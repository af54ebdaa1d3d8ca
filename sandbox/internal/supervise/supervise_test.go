// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package supervise_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netns"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/node"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/pod"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/world"
)

// The shop's processes are this program's own, which is the test's here.
func TestMain(m *testing.M) {
	var err error
	switch role := append(os.Args, "", "")[1]; role {
	case "pod":
		err = pod.Main(os.Stdin, os.Stdout)
	case "node":
		err = node.Main(os.Stdin, os.Stdout)
	case "reap":
		err = supervise.Reap(os.Stdin, os.Args[3])
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func up(t *testing.T, folder string) *supervise.Supervisor {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("TCPWHY_REQUIRE_ROOT") != "" {
			t.Fatal("network namespaces need root, and TCPWHY_REQUIRE_ROOT is set")
		}
		t.Skip("network namespaces need root")
	}
	s, err := supervise.Up(supervise.Options{Folder: folder, Load: 6, Day: time.Hour, Seed: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Down()) })
	return s
}

// calls adds up what all pods did.
func calls(t *testing.T, s *supervise.Supervisor) map[string]pod.Counter {
	t.Helper()
	status, err := s.Status()
	require.NoError(t, err)
	all := make(map[string]pod.Counter)
	for _, p := range status.Pods {
		require.Empty(t, p.Error)
		for callee, n := range p.Calls {
			if callee != "" {
				sum := all[p.Service+" "+callee]
				all[p.Service+" "+callee] = pod.Counter{Done: sum.Done + n.Done, Failed: sum.Failed + n.Failed}
			}
		}
	}
	return all
}

func TestShop(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "truth-1-node-1.csv"), []byte("1,a,b,1,1,dropped,0\n"), 0o644))
	s := up(t, folder)
	require.NoFileExists(t, filepath.Join(folder, "truth-1-node-1.csv"), "of another run")
	_, err := supervise.Up(supervise.Options{Folder: folder})
	require.ErrorContains(t, err, "another shop is up")

	t.Run("every call is made, and none fails", func(t *testing.T) {
		require.Eventually(t, func() bool {
			all := calls(t, s)
			for _, edge := range s.Shop.Edges {
				if all[edge.From+" "+edge.To].Done < 5 {
					return false
				}
			}
			return true
		}, time.Minute, 200*time.Millisecond, "%v", calls(t, s))
		for call, n := range calls(t, s) {
			require.Zero(t, n.Failed, call)
		}
	})

	t.Run("who is far takes longer to be reached", func(t *testing.T) {
		far, near := reach(t, s, "service-k-0", "service-n-0"), reach(t, s, "service-g-0", "service-n-0")
		require.GreaterOrEqual(t, far, 20*time.Millisecond, "10 ms each way")
		require.Less(t, near, 15*time.Millisecond)
	})

	t.Run("the truth about packets adds up", func(t *testing.T) {
		place := fault.Place{Kind: fault.Pair, A: "service-j", B: "service-k"}
		one, err := s.Inject(fault.Spec{Fault: "loss-10", Place: place, Seed: 7})
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			history, err := s.History()
			require.NoError(t, err)
			return history[0].Stats.Dropped > 20
		}, time.Minute, 100*time.Millisecond)
		one, err = s.Lift(one.ID)
		require.NoError(t, err)
		require.False(t, one.Active())
		require.EqualValues(t, one.Stats.Dropped, written(t, folder, ",dropped,"))
		require.InDelta(t, .1, float64(one.Stats.Dropped)/float64(one.Stats.Packets), .07)
	})

	t.Run("who is refused fails, and no more when it is over", func(t *testing.T) {
		failed := func() uint64 { return calls(t, s)["service-c service-h"].Failed }
		one, err := s.Inject(fault.Spec{Fault: "refused", Place: fault.Place{Kind: fault.Workload, A: "service-h"}})
		require.NoError(t, err)
		before := failed()
		require.Eventually(t, func() bool { return failed() > before+5 }, time.Minute, 100*time.Millisecond)
		_, err = s.Lift(one.ID)
		require.NoError(t, err)
		done := calls(t, s)["service-c service-h"].Done
		require.Eventually(t, func() bool { return calls(t, s)["service-c service-h"].Done > done+10 }, time.Minute, 100*time.Millisecond)
	})

	t.Run("clients bear witness of a stall, and of what costs them nothing", func(t *testing.T) {
		redis := func() uint64 { return calls(t, s)["service-e service-m"].Done }
		after := func(spec fault.Spec) supervise.Injection {
			enough := redis() + 40
			require.Eventually(t, func() bool { return redis() > enough }, time.Minute, 100*time.Millisecond)
			one, err := s.Inject(spec)
			require.NoError(t, err)
			enough = redis() + 40
			require.Eventually(t, func() bool { return redis() > enough }, time.Minute, 100*time.Millisecond)
			one, err = s.Lift(one.ID)
			require.NoError(t, err)
			t.Log(one.Fault, one.Witness)
			require.Empty(t, one.Witness.Silent)
			return one
		}
		place := fault.Place{Kind: fault.Workload, A: "service-m"}
		quiet := after(fault.Spec{Fault: "send-buffer", Place: place})
		require.Equal(t, supervise.None, quiet.Effect(), "%v", quiet.Witness)
		stalled := after(fault.Spec{Fault: "redis-stall", Place: place})
		require.Equal(t, supervise.Some, stalled.Effect(), "%v", stalled.Witness)
		for _, sight := range stalled.Witness.Sights {
			require.GreaterOrEqual(t, sight.During.P50, 150*time.Millisecond, "each command takes so long: %v", sight)
		}
	})

	paths, err := world.Cgroups(fmt.Sprintf("tcpwhy-shop-%d", os.Getpid()))
	require.NoError(t, err)
	for _, path := range paths {
		require.DirExists(t, path)
	}
	require.NoError(t, s.Down())
	for _, path := range paths {
		require.NoDirExists(t, path)
	}
	require.NoFileExists(t, filepath.Join(folder, "owned.json"))
}

// reach is the shortest time that a handshake from one pod to another takes.
func reach(t *testing.T, s *supervise.Supervisor, from, to string) time.Duration {
	t.Helper()
	status, err := s.Status()
	require.NoError(t, err)
	var pid int
	var address string
	for _, p := range status.Pods {
		switch p.Name {
		case from:
			pid = p.PID
		case to:
			service, err := s.Shop.Service(p.Service)
			require.NoError(t, err)
			address = netip.AddrPortFrom(p.Address, service.Port).String()
		}
	}
	best := make(chan time.Duration)
	go func() { // on a thread that ends with it, for it stays in the namespace
		runtime.LockOSThread()
		shortest := time.Duration(-1)
		defer func() { best <- shortest }()
		ns, err := netns.GetFromPid(pid)
		if err != nil || netns.Set(ns) != nil {
			return
		}
		for range 10 {
			began := time.Now()
			conn, err := net.DialTimeout("tcp4", address, time.Second)
			if err != nil {
				continue
			}
			if took := time.Since(began); shortest < 0 || took < shortest {
				shortest = took
			}
			_ = conn.Close()
		}
	}()
	shortest := <-best
	require.GreaterOrEqual(t, shortest, time.Duration(0), "%s cannot reach %s", from, to)
	return shortest
}

// written counts lines of all truths that have a word.
func written(t *testing.T, folder, word string) (n int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "truth-*.csv"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		n += strings.Count(string(raw), word)
	}
	return n
}
