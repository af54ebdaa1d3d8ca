// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Functions of this file enter the kernel without telling Go's scheduler: what
// it would do about it costs as much as what is to be measured.

// An address is an IPv4 socket address as the kernel wants it.
type address = unix.RawSockaddrInet4

// newAddress is the n-th address of 127.0.0.0/8, from 127.0.0.1 on, without
// those that end in 0 or 255.
func newAddress(n int, port uint16) *address {
	a := &address{Family: unix.AF_INET, Addr: [4]byte{127, byte(n / 254 >> 8), byte(n / 254), byte(1 + n%254)}}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&a.Port))[:], port)
	return a
}

// connect opens a connection.
func connect(to *address) (fd int, err error) {
	r, _, errno := unix.RawSyscall(unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if errno != 0 {
		return -1, errno
	}
	_, _, errno = unix.RawSyscall(unix.SYS_CONNECT, r, uintptr(unsafe.Pointer(to)), unsafe.Sizeof(*to))
	if errno != 0 {
		shut(int(r))
		return -1, errno
	}
	return int(r), nil
}

// accept takes the next connection of a listener.
func accept(listener int) (fd int, err error) {
	for {
		r, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(listener), 0, 0, unix.SOCK_CLOEXEC, 0, 0)
		switch errno {
		case 0:
			return int(r), nil
		case unix.EINTR:
		default:
			return -1, errno
		}
	}
}

// read returns 0 at the end of the stream.
func read(fd int, b []byte) (int, error) {
	for {
		r, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch errno {
		case 0:
			return int(r), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// write writes all of b.
func write(fd int, b []byte) error {
	for len(b) > 0 {
		r, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch errno {
		case 0:
			b = b[r:]
		case unix.EINTR:
		default:
			return errno
		}
	}
	return nil
}

func shut(fd int) { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// listen opens a listener at all addresses.
func listen() (fd int, port uint16, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, 0, err
	}
	if err := unix.Listen(fd, unix.SOMAXCONN); err != nil {
		return -1, 0, err
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return -1, 0, err
	}
	return fd, uint16(name.(*unix.SockaddrInet4).Port), nil
}
