// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A listener behaves as it is told. The protocol's server keeps it, while the socket
// underneath may close and come back.
type listener struct {
	address string

	mu      sync.Mutex
	changed *sync.Cond
	inner   net.Listener // nil while nobody listens
	serve   Serve
	conns   map[*served]bool
	closed  bool
}

func listen(address string) (*listener, error) {
	l := &listener{address: address, conns: make(map[*served]bool)}
	l.changed = sync.NewCond(&l.mu)
	inner, err := l.open(Serve{})
	if err != nil {
		return nil, err
	}
	l.inner = inner
	return l, nil
}

func (l *listener) open(s Serve) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return control(raw, func(fd int) error {
			if s.ListenBuffer == 0 {
				return nil
			}
			return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, s.ListenBuffer)
		})
	}}
	inner, err := config.Listen(context.Background(), "tcp4", l.address)
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	if s.Backlog == 0 {
		return inner, nil
	}
	raw, err := inner.(*net.TCPListener).SyscallConn()
	if err != nil {
		return nil, err
	}
	return inner, control(raw, func(fd int) error { return unix.Listen(fd, s.Backlog) })
}

// behave changes how it behaves from now on.
func (l *listener) behave(s Serve) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.serve
	l.serve = s
	defer l.changed.Broadcast()
	if !s.fresh(before) {
		return nil
	}
	if l.inner != nil {
		_ = l.inner.Close()
		l.inner = nil
	}
	for conn := range l.conns {
		_ = conn.Conn.Close()
	}
	if s.Refuse {
		return nil
	}
	inner, err := l.open(s)
	if err != nil {
		return err
	}
	l.inner = inner
	return nil
}

// Accept waits for the next connection, for as long as it takes.
func (l *listener) Accept() (net.Conn, error) {
	for {
		inner, delay, err := l.current()
		if err != nil {
			return nil, err
		}
		time.Sleep(delay)
		conn, err := inner.Accept()
		switch {
		case err == nil:
			return l.welcome(conn), nil
		case !errors.Is(err, net.ErrClosed):
			return nil, err
		}
	}
}

func (l *listener) current() (net.Listener, time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.inner == nil && !l.closed {
		l.changed.Wait()
	}
	if l.closed {
		return nil, 0, net.ErrClosed
	}
	return l.inner, l.serve.AcceptDelay, nil
}

func (l *listener) welcome(conn net.Conn) net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	tcp := conn.(*net.TCPConn)
	if l.serve.AcceptBuffer > 0 {
		_ = tcp.SetReadBuffer(l.serve.AcceptBuffer)
	}
	if l.serve.SendBuffer > 0 {
		_ = tcp.SetWriteBuffer(l.serve.SendBuffer)
	}
	one := &served{Conn: conn, listener: l}
	l.conns[one] = true
	return one
}

// Close ends it for good.
func (l *listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	defer l.changed.Broadcast()
	if l.inner == nil {
		return nil
	}
	return l.inner.Close()
}

// Addr returns the address at which it serves.
func (l *listener) Addr() net.Addr {
	address, err := net.ResolveTCPAddr("tcp4", l.address)
	if err != nil {
		return &net.TCPAddr{}
	}
	return address
}

func (l *listener) now() Serve {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.serve
}

func (l *listener) forget(conn *served) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, conn)
}
