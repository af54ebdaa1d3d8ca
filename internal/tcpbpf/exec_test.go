// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// Acts of processes that change, or are more than one thread.
const (
	actExecute = "execute" // connect, then execute another program that does
	actRace    = "race"    // connect from two threads at once
)

// An execution is what the first program is told.
type execution struct{ First, Second, Program string }

func connectAndExecute(argument []byte) error {
	var e execution
	if err := json.Unmarshal(argument, &e); err != nil {
		return err
	}
	c, err := net.Dial("tcp", e.First)
	if err != nil {
		return err
	}
	if err := c.Close(); err != nil {
		return err
	}
	second, err := json.Marshal(e.Second)
	if err != nil {
		return err
	}
	if err := errors.Join(os.Setenv(actVariable, actConnect), os.Setenv(argumentVariable, string(second))); err != nil {
		return err
	}
	return unix.Exec(e.Program, []string{e.Program}, os.Environ())
}

// TestOwnerIsTheProgram lets a process connect, execute another program and
// connect again: one pid and start time, two owners.
func TestOwnerIsTheProgram(t *testing.T) {
	p := newPlace(t)
	first, second := acceptAll(t, p), acceptAll(t, p)
	k := observe(t, Config{})
	command := again(t, executable(t, "wrapper"), actExecute, execution{first, second, executable(t, "wrapped")})
	require.NoError(t, p.Try(command.Start))
	require.NoError(t, command.Wait())
	k.untilClosed(2, role(flow.RoleClient, p.here()))

	named := make(map[uint16]string)
	for key := range k.sums {
		if key.Role == flow.RoleClient && p.here()(key) {
			require.EqualValues(t, command.Process.Pid, key.Owner.PID())
			named[key.RemotePort] = k.Owner(key.Owner).Executable
		}
	}
	require.Equal(t, map[uint16]string{port(first): "wrapper", port(second): "wrapped"}, named)
}

// acceptAll accepts connections and closes each when its client does.
func acceptAll(t *testing.T, p place) (address string) {
	t.Helper()
	l := p.Listen(netip.AddrPortFrom(p.IPv4, 0).String())
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 1))
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}

func port(address string) uint16 { return netip.MustParseAddrPort(address).Port() }

func connectAtOnce(argument []byte) error {
	var address string
	if err := json.Unmarshal(argument, &address); err != nil {
		return err
	}
	var start, done sync.WaitGroup
	start.Add(2)
	for range 2 {
		done.Go(func() {
			runtime.LockOSThread()
			start.Done()
			start.Wait()
			_, _ = net.Dial("tcp", address)
		})
	}
	done.Wait()
	return nil
}

// TestFilterSeesEveryThread lets two threads of a new process connect at once. The
// last of many names matches it, so that its record is long in the making.
func TestFilterSeesEveryThread(t *testing.T) {
	const processes = 100
	p := newPlace(t)
	var include []Rule
	for i := range 6 {
		r := only(p)[0]
		for j := range 8 {
			r.Processes = append(r.Processes, fmt.Sprintf("*t*w*i*n*%d%d", i, j))
		}
		include = append(include, r)
	}
	twin := only(p)[0]
	twin.Processes = []string{"twin"}
	k := observe(t, Config{Include: append(include, twin)})
	address := acceptAll(t, p)
	path := executable(t, "twin")
	for range processes {
		command := again(t, path, actRace, address)
		require.NoError(t, p.Try(command.Start))
		require.NoError(t, command.Wait())
	}
	k.untilClosed(2*processes, role(flow.RoleClient, p.here()))
	require.EqualValues(t, 2*processes, k.sum(role(flow.RoleClient, p.here())).Opened)
}

// TestExcludedOldSocketsLowerNothing opens a connection before the kernel side,
// which is to leave it out.
func TestExcludedOldSocketsLowerNothing(t *testing.T) {
	p := newPlace(t)
	c, err := p.Dial(acceptAll(t, p))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	everything := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	k := observe(t, Config{Exclude: []Rule{{CIDRs: everything}}})
	k.collect()
	require.Zero(t, k.losses.progress.Predates, "of the whole machine's")
}
