// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package uring does one operation at a time through an io_uring: as much of it as
// a test needs that wants its bytes moved that way.
package uring

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An Op is what is to be done (linux/io_uring.h).
type Op uint8

// Operations.
const (
	accept       Op = 13
	Send         Op = 26
	Receive      Op = 27
	SendZeroCopy Op = 47
)

// Completions of SendZeroCopy: another one follows, and this is it.
const (
	flagMore   = 1 << 1
	flagNotify = 1 << 3
)

const (
	entries   = 4
	getEvents = 1 << 0 // wait for completions
	// sharedMap says that one mapping holds both rings.
	sharedMap = 1 << 0

	offsetRings   = 0
	offsetEntries = 0x10000000
)

// params is the kernel's struct io_uring_params.
type params struct {
	sqEntries, cqEntries, flags, cpu, idle, features, wqFD uint32
	_                                                      [3]uint32
	sq                                                     struct {
		head, tail, mask, entries, flags, dropped, array, _ uint32
		_                                                   uint64
	}
	cq struct {
		head, tail, mask, entries, overflow, cqes, flags, _ uint32
		_                                                   uint64
	}
}

// entry is the kernel's struct io_uring_sqe.
type entry struct {
	op      Op
	_       uint8
	_       uint16
	fd      int32
	_       uint64
	address uint64
	length  uint32
	flags   uint32
	user    uint64
	_, _, _ uint64
}

// completion is the kernel's struct io_uring_cqe.
type completion struct {
	user   uint64
	result int32
	flags  uint32
}

// A Ring is for one goroutine.
type Ring struct {
	fd             int
	params         params
	rings, entries []byte
}

// New makes a ring. The error is the kernel's if it permits none.
func New() (_ *Ring, err error) {
	r := &Ring{fd: -1}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, entries, uintptr(unsafe.Pointer(&r.params)), 0)
	if errno != 0 {
		return nil, fmt.Errorf("set up io_uring: %w", errno)
	}
	r.fd = int(fd)
	defer func() {
		if err != nil {
			_ = r.Close()
		}
	}()
	if r.params.features&sharedMap == 0 {
		return nil, errors.New("set up io_uring: rings in two mappings")
	}
	p := &r.params
	size := max(p.sq.array+4*p.sqEntries, p.cq.cqes+uint32(unsafe.Sizeof(completion{}))*p.cqEntries)
	if r.rings, err = r.mmap(offsetRings, int(size)); err != nil {
		return nil, err
	}
	r.entries, err = r.mmap(offsetEntries, int(unsafe.Sizeof(entry{}))*int(p.sqEntries))
	return r, err
}

func (r *Ring) mmap(offset int64, size int) ([]byte, error) {
	m, err := unix.Mmap(r.fd, offset, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("map io_uring: %w", err)
	}
	return m, nil
}

// Do does an operation on a socket and returns how many bytes it moved. The kernel
// is done with data when it returns.
func (r *Ring) Do(op Op, fd int, data []byte) (int, error) {
	var pin runtime.Pinner
	pin.Pin(&data[0])
	defer pin.Unpin()
	r.submit(entry{op: op, fd: int32(fd), address: uint64(uintptr(unsafe.Pointer(&data[0]))), length: uint32(len(data))})
	done, err := r.wait(1)
	for more := done.flags & flagMore; err == nil && more != 0; {
		var notified completion
		notified, err = r.wait(0)
		more = ^notified.flags & flagNotify
	}
	switch {
	case err != nil:
		return 0, err
	case done.result < 0:
		return 0, unix.Errno(-done.result)
	}
	return int(done.result), nil
}

// Accept takes the next connection of a listener and returns its descriptor.
func (r *Ring) Accept(listener int) (fd int, err error) {
	r.submit(entry{op: accept, fd: int32(listener)})
	done, err := r.wait(1)
	if err == nil && done.result < 0 {
		err = fmt.Errorf("accept by io_uring: %w", unix.Errno(-done.result))
	}
	return int(done.result), err
}

func (r *Ring) submit(e entry) {
	sq := &r.params.sq
	tail := r.word(sq.tail)
	at := atomic.LoadUint32(tail) & *r.word(sq.mask)
	*(*entry)(unsafe.Pointer(&r.entries[uintptr(at)*unsafe.Sizeof(e)])) = e
	*r.word(sq.array + 4*at) = at
	atomic.AddUint32(tail, 1)
}

// wait hands over that many entries and returns the next completion.
func (r *Ring) wait(submitted uintptr) (c completion, err error) {
	cq := &r.params.cq
	head, tail := r.word(cq.head), r.word(cq.tail)
	for submitted > 0 || atomic.LoadUint32(head) == atomic.LoadUint32(tail) {
		n, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), submitted, 1, getEvents, 0, 0)
		if errno != 0 && errno != unix.EINTR {
			return c, fmt.Errorf("enter io_uring: %w", errno)
		}
		if errno == 0 {
			submitted -= n
		}
	}
	at := atomic.LoadUint32(head) & *r.word(cq.mask)
	c = *(*completion)(unsafe.Pointer(&r.rings[uintptr(cq.cqes)+uintptr(at)*unsafe.Sizeof(c)]))
	atomic.AddUint32(head, 1)
	return c, nil
}

func (r *Ring) word(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.rings[offset])) }

// Close frees the ring.
func (r *Ring) Close() error {
	var errs []error
	for _, m := range [][]byte{r.rings, r.entries} {
		if m != nil {
			errs = append(errs, unix.Munmap(m))
		}
	}
	return errors.Join(append(errs, unix.Close(r.fd))...)
}
