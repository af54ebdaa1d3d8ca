// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package conntrack

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"syscall"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// defaultReadBuffer is the most memory that the kernel queues events in, bytes. A
// message takes about 1 KiB there.
const defaultReadBuffer = 4 << 20

// messageLen is more than a message about one connection, or a part of a dump, has.
const (
	messageLen = 8 << 10
	dumpLen    = 64 << 10
)

// A source is the connection tracking table of one namespace. The kernel tells of each
// beginning and end in a socket that is read at once by a goroutine, and by drain.
type source struct {
	place  Place
	inode  uint64
	path   string // that led there; only who discovers looks at it
	events *netlink.Conn
	dumps  *netlink.Conn
	dumpMu sync.Mutex      // one dump at a time
	raw    syscall.RawConn // of events
	handle func(s *source, m message, born uint64)
	now    func() uint64
	done   chan struct{}

	mu        sync.Mutex // of what follows: one reads at a time, in order
	buffer    [messageLen]byte
	empty     uint64 // what is queued came after this
	lost      bool   // since the last dump
	overruns  uint64 // times that events were lost
	malformed uint64
}

// openSource opens the table of the calling thread's namespace.
func openSource(p Place, inode uint64, handle func(*source, message, uint64), set Settings) (_ *source, err error) {
	s := &source{place: p, inode: inode, handle: handle, now: set.Now, done: make(chan struct{})}
	if s.events, err = netlink.Dial(unix.NETLINK_NETFILTER, nil); err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	defer func() {
		if err != nil {
			s.events.Close()
		}
	}()
	if err := s.subscribe(cmp.Or(set.ReadBuffer, defaultReadBuffer)); err != nil {
		return nil, err
	}
	if s.raw, err = s.events.SyscallConn(); err != nil {
		return nil, fmt.Errorf("use netlink socket: %w", err)
	}
	if s.dumps, err = netlink.Dial(unix.NETLINK_NETFILTER, nil); err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	go s.run()
	return s, nil
}

func (s *source) subscribe(readBuffer int) error {
	filter, err := eventFilter()
	if err != nil {
		return err
	}
	if err := s.events.SetBPF(filter); err != nil {
		return fmt.Errorf("filter events: %w", err)
	}
	if err := s.events.SetReadBuffer(readBuffer); err != nil {
		return fmt.Errorf("set read buffer: %w", err)
	}
	s.empty = s.now()
	for _, group := range []uint32{unix.NFNLGRP_CONNTRACK_NEW, unix.NFNLGRP_CONNTRACK_DESTROY} {
		if err := s.events.JoinGroup(group); err != nil {
			return fmt.Errorf("subscribe to events: %w", err)
		}
	}
	return nil
}

// run reads events as they come, until the socket is closed.
func (s *source) run() {
	defer close(s.done)
	_ = s.raw.Read(func(fd uintptr) bool {
		s.read(int(fd))
		return false // wait for more
	})
}

// drain reads all that has happened until now.
func (s *source) drain() error { return s.raw.Control(func(fd uintptr) { s.read(int(fd)) }) }

func (s *source) read(fd int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		before := s.now()
		n, _, err := unix.Recvfrom(fd, s.buffer[:], unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ENOBUFS):
			s.lost = true
			s.overruns++
		case err != nil: // EAGAIN: nothing is left
			s.empty = before
			return
		default:
			s.each(s.buffer[:n])
		}
	}
}

func (s *source) each(b []byte) {
	for len(b) > 0 {
		m, rest, err := next(b)
		if err != nil {
			s.malformed++
			return
		}
		if m.tcp {
			s.handle(s, m, s.empty)
		}
		b = rest
	}
}

// takeLost reports whether events were lost since the last call.
func (s *source) takeLost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := s.lost
	s.lost = false
	return lost
}

// lose says that events were lost, so that the table is read with the next call.
func (s *source) lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = true
}

func (s *source) troubles() (overruns, malformed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.overruns, s.malformed
}

// dump calls visit with each translated connection of the table.
func (s *source) dump(visit func(Entry)) error {
	s.dumpMu.Lock()
	defer s.dumpMu.Unlock()
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		for _, status := range []uint32{statusDstNAT, statusSrcNAT} {
			if err := s.dumpSome(family, status, visit); err != nil {
				return fmt.Errorf("dump connections: %w", err)
			}
		}
	}
	return nil
}

// dumpSome reads part after part: all at once would be as large as the kernel's table.
func (s *source) dumpSome(family uint8, status uint32, visit func(Entry)) error {
	request, err := dumpRequest(family, status)
	if err != nil {
		return err
	}
	if request, err = s.dumps.Send(request); err != nil {
		return err
	}
	raw, err := s.dumps.SyscallConn()
	if err != nil {
		return err
	}
	buffer := make([]byte, dumpLen)
	for done := false; !done && err == nil; {
		n := 0
		readErr := raw.Read(func(fd uintptr) bool {
			n, _, err = unix.Recvfrom(int(fd), buffer, unix.MSG_DONTWAIT)
			return !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
		})
		if err = errors.Join(readErr, err); err == nil {
			done, err = dumped(buffer[:n], request.Header.Sequence, visit)
		}
	}
	return err
}

// dumped visits a part of a dump and reports whether it was the last one.
func dumped(b []byte, sequence uint32, visit func(Entry)) (done bool, err error) {
	for len(b) > 0 {
		m, rest, err := next(b)
		if err != nil {
			return true, err
		}
		switch {
		case m.sequence != sequence: // of a dump that was given up
		case m.kind == unix.NLMSG_DONE:
			return true, nil
		case m.tcp:
			visit(m.entry)
		}
		b = rest
	}
	return false, nil
}

// close ends reading.
func (s *source) close() error {
	err := errors.Join(s.events.Close(), s.dumps.Close())
	<-s.done
	return err
}
