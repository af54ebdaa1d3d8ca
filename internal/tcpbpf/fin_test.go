// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// TestFinIsNoByte meets as many FINs as it can in the moment in which the kernel
// has counted one as a byte but has not yet marked it: one thread opens and closes
// connections, another one sweeps.
func TestFinIsNoByte(t *testing.T) {
	const n = 10_000
	place := newPlace(t)
	k := observe(t, Config{})
	stop := newLedger(k, place.here()).sweepOn(1000)
	require.NoError(t, place.Try(func() error { return openAndClose(place.IPv4, n) }))
	stop()
	k.untilClosed(2*n, place.here())

	for r, bytes := range map[flow.Role][2]uint64{flow.RoleClient: {n, 0}, flow.RoleServer: {0, n}} {
		s := k.sum(role(r, place.here()))
		require.Equal(t, bytes, s.Bytes)
		require.EqualValues(t, n, s.Opened)
		require.EqualValues(t, n, s.Closed[flow.CloseFIN])
		require.Zero(t, s.Live)
	}
}

// openAndClose opens n connections one after the other in the calling thread's
// namespace, sends a byte and closes, the client first and the server first in
// turn.
func openAndClose(at netip.Addr, n int) (err error) {
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(listener)) }()
	if err := unix.Bind(listener, &unix.SockaddrInet4{Addr: at.As4()}); err != nil {
		return err
	}
	if err := unix.Listen(listener, 1); err != nil {
		return err
	}
	to, err := unix.Getsockname(listener)
	if err != nil {
		return err
	}
	for i := range n {
		if err := openOnce(listener, to, i%2 == 0); err != nil {
			return err
		}
	}
	return nil
}

// openOnce opens, uses and closes a connection.
func openOnce(listener int, to unix.Sockaddr, clientFirst bool) error {
	client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Connect(client, to); err != nil {
		return errors.Join(err, unix.Close(client))
	}
	server, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	if err != nil {
		return errors.Join(err, unix.Close(client))
	}
	var b [1]byte
	_, err = unix.Write(client, b[:])
	if clientFirst {
		err = errors.Join(err, unix.Close(client))
	}
	_, e := unix.Read(server, b[:])
	err = errors.Join(err, e, unix.Close(server))
	if !clientFirst {
		err = errors.Join(err, unix.Close(client))
	}
	return err
}
