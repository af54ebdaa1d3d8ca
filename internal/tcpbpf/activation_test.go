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
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// Acts of activation by a socket.
const (
	actActivate = "activate" // listen, await a connection, and execute the service
	actService  = "service"  // accept from the socket that was passed, as sd_listen_fds(3) has it
)

// An activation is what an activator is told.
type activation struct{ Address, Service string }

// activate does what systemd-socket-activate does.
func activate(argument []byte) error {
	var a activation
	if err := json.Unmarshal(argument, &a); err != nil {
		return err
	}
	l, err := net.Listen("tcp", a.Address)
	if err != nil {
		return err
	}
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	if _, err := unix.Poll([]unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLIN}}, -1); err != nil {
		return err
	}
	const first = 3 // SD_LISTEN_FDS_START
	if int(f.Fd()) != first {
		if err := unix.Dup3(int(f.Fd()), first, 0); err != nil {
			return err
		}
	}
	_, err = unix.FcntlInt(first, unix.F_SETFD, 0)
	err = errors.Join(err, os.Setenv(actVariable, actService),
		os.Setenv("LISTEN_FDS", "1"), os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid())))
	if err != nil {
		return err
	}
	return unix.Exec(a.Service, []string{a.Service}, os.Environ())
}

// serveActivated answers each connection with a byte, and ends with its client.
func serveActivated([]byte) error {
	if pid, fds := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"); pid != strconv.Itoa(os.Getpid()) || fds != "1" {
		return fmt.Errorf("take sockets: LISTEN_PID is %q and LISTEN_FDS %q", pid, fds)
	}
	l, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		if _, err := c.Write([]byte{1}); err != nil {
			return err
		}
	}
}

// TestActivation: the connection that the activator waits for is its own, and so are
// those that come until somebody looks; then they are the service's, which is the same
// process with another program.
func TestActivation(t *testing.T) {
	activators := map[string]func(address, service string) *exec.Cmd{
		"activator": func(address, service string) *exec.Cmd {
			return again(t, executable(t, "activator"), actActivate, activation{address, service})
		},
	}
	if path, err := exec.LookPath("systemd-socket-activate"); err == nil { // few machines lack it
		activators["systemd-socket-activate"] = func(address, service string) *exec.Cmd {
			return exec.Command(path, "-l", address, "-E", actVariable+"="+actService, service)
		}
	}
	for name, activator := range activators {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			k := observe(t, Config{Granularity: GranularityConnection})
			address := netip.AddrPortFrom(p.IPv4, 8080).String()
			command := activator(address, executable(t, "service"))
			require.NoError(t, p.Try(command.Start))
			t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
			k.until(func() bool { return len(k.keys(listening(netip.MustParseAddrPort(address)))) > 0 })

			require.Equal(t, name, answeredBy(t, k, p, address, command.Process.Pid))
			for range lookEvery {
				k.collect()
			}
			require.Equal(t, "service", answeredBy(t, k, p, address, command.Process.Pid))
		})
	}
}

// answeredBy connects, awaits an answer, and returns the program that the accepted
// connection is counted for.
func answeredBy(t *testing.T, k *collector, p place, address string, pid int) string {
	t.Helper()
	client, err := p.Dial(address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	_, err = client.Read(make([]byte, 1))
	require.NoError(t, err)
	at := netip.MustParseAddrPort(client.LocalAddr().String())
	k.collect()
	keys := k.keys(role(flow.RoleServer, func(key flow.Key) bool {
		return p.here()(key) && key.Remote == at.Addr() && key.RemotePort == at.Port()
	}))
	require.Len(t, keys, 1)
	require.EqualValues(t, pid, keys[0].Owner.PID())
	return k.Owner(keys[0].Owner).Executable
}
