// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution

package distribution

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// A couple are two services, of which one asks and one answers.
type couple struct{ client, server netns.Host }

// A shopping is what two services say to each other until it is stopped.
type shopping struct {
	stop  chan struct{}
	conns []net.Conn
	done  sync.WaitGroup
}

// end lets exchanges that are under way come to their end, if they do within a second.
func (s *shopping) end() {
	close(s.stop)
	for _, c := range s.conns {
		_ = c.SetDeadline(time.Now().Add(time.Second))
	}
	s.done.Wait()
}

// shop lets service-j ask service-k: each exchange is made by request on connections of its
// own, and answered by answer, each pause.
func (c couple) shop(t testing.TB, connections int, pause time.Duration, request, answer func(*net.TCPConn) error) *shopping {
	t.Helper()
	listener := c.server.ListenWith(c.server.Socket(), netip.AddrPortFrom(c.server.IPv4, 0))
	s := &shopping{stop: make(chan struct{})}
	for range connections {
		client, err := c.client.Dial(listener.Addr().String())
		require.NoError(t, err)
		accepted, err := listener.Accept()
		require.NoError(t, err)
		s.conns = append(s.conns, client, accepted)
		s.done.Go(func() {
			defer client.Close()
			for tick := time.NewTicker(pause); ; {
				select {
				case <-s.stop:
					return
				case <-tick.C:
				}
				if request(client) != nil {
					return
				}
			}
		})
		s.done.Go(func() {
			defer accepted.Close()
			for answer(accepted.(*net.TCPConn)) == nil {
			}
		})
	}
	return s
}

// exchange sends so much and reads as much.
func exchange(bytes int) (request, answer func(*net.TCPConn) error) {
	return func(c *net.TCPConn) error {
			if _, err := c.Write(make([]byte, bytes)); err != nil {
				return err
			}
			_, err := io.ReadFull(c, make([]byte, bytes))
			return err
		}, func(c *net.TCPConn) error {
			if _, err := io.ReadFull(c, make([]byte, bytes)); err != nil {
				return err
			}
			_, err := c.Write(make([]byte, bytes))
			return err
		}
}

// pour lets service-j send as much as service-k reads, 2 MB/s at most, until it is stopped.
func (c couple) pour(t testing.TB, small, accepted bool) (stop func()) {
	t.Helper()
	listener := c.server.ListenWith(c.server.Socket(), netip.AddrPortFrom(c.server.IPv4, 0))
	if small {
		require.NoError(t, listener.Close())
		listener = c.smallListener(t)
	}
	client, err := c.client.Dial(listener.Addr().String())
	require.NoError(t, err)
	server, err := listener.AcceptTCP()
	require.NoError(t, err)
	if accepted {
		require.NoError(t, server.SetReadBuffer(4096))
	}
	var done sync.WaitGroup
	done.Go(func() { _, _ = io.Copy(io.Discard, server) })
	done.Go(func() {
		for chunk := make([]byte, 20_000); ; time.Sleep(10 * time.Millisecond) {
			if _, err := client.Write(chunk); err != nil {
				return
			}
		}
	})
	return func() {
		_ = client.Close()
		_ = server.Close()
		_ = listener.Close()
		done.Wait()
	}
}

// smallListener listens with a receive buffer of 8 KiB, set before listen: the kernel
// doubles what is asked for.
func (c couple) smallListener(t testing.TB) (listener *net.TCPListener) {
	t.Helper()
	require.NoError(t, c.server.Try(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4096); err != nil {
			return err
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: c.server.IPv4.As4()}); err != nil {
			return err
		}
		if err := unix.Listen(fd, 16); err != nil {
			return err
		}
		file := os.NewFile(uintptr(fd), "listener")
		defer file.Close()
		any, err := net.FileListener(file)
		if err == nil {
			listener = any.(*net.TCPListener)
		}
		return err
	}))
	return listener
}
