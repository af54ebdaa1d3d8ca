// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
)

// actObey is a process that opens, holds and passes sockets as the test tells it.
const actObey = "obey"

// A puppet is a process with at most one listener and any number of connections. What
// it is told to do with connections it does with each.
type puppet struct {
	PID     uint32
	t       *testing.T
	command *exec.Cmd
	stdin   io.Closer
	orders  *json.Encoder
	answers *json.Decoder
	sockets *net.UnixConn // on their way to or from other processes
}

type puppetOrder struct {
	Do      string
	Address string
	N       int
}

type puppetAnswer struct {
	Error, Address string
	PID            int // of a process that was started
	Ends           []puppetEnd
}

// A puppetEnd is one of its connections, and the totals of it.
type puppetEnd struct {
	Local, Remote netip.AddrPort
	Info          tcpinfo.Info
}

func newPuppet(t *testing.T, p place, name string) *puppet {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer ours.Close()
	defer theirs.Close()
	sockets, err := net.FileConn(ours)
	require.NoError(t, err)
	command := again(t, executable(t, name), actObey, nil)
	command.ExtraFiles = []*os.File{theirs}
	stdin, err := command.StdinPipe()
	require.NoError(t, err)
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Try(command.Start))
	u := &puppet{PID: uint32(command.Process.Pid), t: t, command: command, stdin: stdin,
		orders: json.NewEncoder(stdin), answers: json.NewDecoder(stdout), sockets: sockets.(*net.UnixConn)}
	t.Cleanup(u.end)
	return u
}

// end ends the process. It may be called again.
func (u *puppet) end() {
	_ = u.stdin.Close()
	_ = u.sockets.Close()
	_ = u.command.Wait()
}

// do gives an order and waits until it is obeyed.
func (u *puppet) do(what, address string, n int) puppetAnswer {
	u.t.Helper()
	require.NoError(u.t, u.orders.Encode(puppetOrder{what, address, n}))
	var a puppetAnswer
	require.NoError(u.t, u.answers.Decode(&a), "%s: %s", what, u.command.Stderr)
	require.Empty(u.t, a.Error, what)
	return a
}

// ends returns the totals of all its connections, once all that it sent is
// acknowledged.
func (u *puppet) ends() []puppetEnd {
	u.t.Helper()
	return u.do("ends", "", 0).Ends
}

// handOver passes what one puppet has sent on to another one.
func handOver(t *testing.T, from, to *puppet, what string) {
	t.Helper()
	from.do("give "+what, "", 0)
	b, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := from.sockets.ReadMsgUnix(b, oob)
	require.NoError(t, err)
	_, _, err = to.sockets.WriteMsgUnix(b, oob[:n], nil)
	require.NoError(t, err)
	requireClosed(t, oob[:n])
	to.do("take "+what, "", 0)
}

func requireClosed(t *testing.T, oob []byte) {
	t.Helper()
	fds, err := rights(oob)
	require.NoError(t, err)
	require.NoError(t, unix.Close(fds[0]))
}

func rights(oob []byte) ([]int, error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	return unix.ParseUnixRights(&messages[0])
}

func obey([]byte) error {
	passing, err := net.FileConn(os.NewFile(3, "sockets"))
	if err != nil {
		return err
	}
	s := stage{passing: passing.(*net.UnixConn)}
	orders, answers := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var o puppetOrder
		if err := orders.Decode(&o); err != nil {
			return nil //nolint:nilerror // the test is over
		}
		a, err := s.act(o)
		if err != nil {
			a.Error = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}

// A stage is what a puppet holds.
type stage struct {
	passing  *net.UnixConn
	listener *net.TCPListener
	conns    []*net.TCPConn
}

func (s *stage) act(o puppetOrder) (a puppetAnswer, err error) {
	switch o.Do {
	case "listen", "listen multipath", "listen shared":
		return s.listen(o)
	case "connect":
		return a, s.connect(o)
	case "accept":
		return a, s.accept(o.N)
	case "accept all": // that have come
		return a, s.acceptAll()
	case "ends":
		return s.ends()
	case "give listener":
		return a, s.give(s.listener)
	case "give connection":
		return a, s.give(s.conns[0])
	case "take listener", "take connection":
		return a, s.take(o.Do)
	case "start":
		return s.start()
	case "fork":
		return s.fork()
	case "drop listener":
		return a, s.listener.Close()
	}
	return a, s.each(o)
}

func (s *stage) listen(o puppetOrder) (a puppetAnswer, err error) {
	config := net.ListenConfig{KeepAlive: -1}
	if o.Do == "listen shared" {
		config.Control = reusePort
	}
	config.SetMultipathTCP(o.Do == "listen multipath")
	l, err := config.Listen(context.Background(), "tcp", o.Address)
	if err != nil {
		return a, err
	}
	s.listener = l.(*net.TCPListener)
	return puppetAnswer{Address: l.Addr().String()}, nil
}

func reusePort(_, _ string, c syscall.RawConn) error {
	var err error
	e := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
	return errors.Join(e, err)
}

func (s *stage) connect(o puppetOrder) error {
	for range o.N {
		c, err := (&net.Dialer{KeepAlive: -1}).Dial("tcp", o.Address)
		if err != nil {
			return err
		}
		s.conns = append(s.conns, c.(*net.TCPConn))
	}
	return nil
}

func (s *stage) accept(n int) error {
	for range n {
		c, err := s.listener.AcceptTCP()
		if err != nil {
			return err
		}
		s.conns = append(s.conns, c)
	}
	return nil
}

func (s *stage) acceptAll() error {
	if err := s.listener.SetDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		return err
	}
	if err := s.accept(1 << 20); !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return nil
}

// each does something with each connection.
func (s *stage) each(o puppetOrder) (err error) {
	for _, c := range s.conns {
		switch o.Do {
		case "write":
			_, err = c.Write(make([]byte, o.N))
		case "read":
			_, err = io.CopyN(io.Discard, c, int64(o.N))
		case "drain":
			_, err = io.Copy(io.Discard, c)
		case "shut":
			err = c.CloseWrite()
		case "abort":
			err = errors.Join(c.SetLinger(0), c.Close())
		case "fill": // until nothing more is taken
			err = stuff(c)
		case "close":
			err = c.Close()
		default:
			err = fmt.Errorf("unknown order %q", o.Do)
		}
		if err != nil {
			return err
		}
	}
	if o.Do == "close" || o.Do == "abort" {
		s.conns = nil
	}
	return nil
}

// stuff writes until the peer has room for nothing more. That nothing was written for a while
// does not say so where processors are slow: the rest would be sent later on.
func stuff(c *net.TCPConn) error {
	for began := time.Now(); time.Since(began) < patience; {
		if err := c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			return err
		}
		_, err := c.Write(make([]byte, 1<<16))
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		info, errInfo := tcpinfo.Get(c)
		if errInfo != nil {
			return errInfo
		}
		if err != nil && info.Unacked == 0 && info.Notsent_bytes > 0 && info.Snd_wnd == 0 {
			return nil
		}
	}
	return errors.New("fill connection: the peer has always room for more")
}

func (s *stage) ends() (a puppetAnswer, err error) {
	for _, c := range s.conns {
		e := puppetEnd{Local: c.LocalAddr().(*net.TCPAddr).AddrPort(), Remote: c.RemoteAddr().(*net.TCPAddr).AddrPort()}
		for e.Info.Unacked = 1; e.Info.Unacked > 0; {
			if e.Info, err = tcpinfo.Get(c); err != nil {
				return a, err
			}
		}
		a.Ends = append(a.Ends, e)
	}
	return a, nil
}

// give sends a socket away and keeps its own descriptor only of a listener.
func (s *stage) give(socket interface{ File() (*os.File, error) }) error {
	f, err := socket.File()
	if err != nil {
		return err
	}
	_, _, err = s.passing.WriteMsgUnix([]byte{0}, unix.UnixRights(int(f.Fd())), nil)
	if conn, ok := socket.(*net.TCPConn); ok {
		err = errors.Join(err, conn.Close())
		s.conns = s.conns[1:]
	}
	return errors.Join(err, f.Close())
}

func (s *stage) take(what string) error {
	b, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := s.passing.ReadMsgUnix(b, oob)
	if err != nil {
		return err
	}
	fds, err := rights(oob[:n])
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fds[0]), "taken")
	defer f.Close()
	if what == "take listener" {
		l, err := net.FileListener(f)
		if err != nil {
			return err
		}
		s.listener = l.(*net.TCPListener)
		return nil
	}
	c, err := net.FileConn(f)
	if err != nil {
		return err
	}
	s.conns = append(s.conns, c.(*net.TCPConn))
	return nil
}
