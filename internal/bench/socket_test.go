// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAddressesAreHostsOfLoopback(t *testing.T) {
	seen := make(map[[4]byte]bool)
	for n := range 70_000 {
		a := newAddress(n, 0x1234)
		require.EqualValues(t, 127, a.Addr[0])
		require.NotContains(t, []byte{0, 255}, a.Addr[3])
		require.False(t, seen[a.Addr], a.Addr)
		seen[a.Addr] = true
	}
	require.Equal(t, [4]byte{127, 0, 0, 1}, newAddress(0, 0).Addr)
	require.Equal(t, [4]byte{127, 0, 1, 1}, newAddress(254, 0).Addr)
}

func TestSocketsCarryBytes(t *testing.T) {
	listener, port, err := listen()
	require.NoError(t, err)
	t.Cleanup(func() { shut(listener) })
	client, err := connect(newAddress(5, port))
	require.NoError(t, err)
	server, err := accept(listener)
	require.NoError(t, err)
	t.Cleanup(func() { shut(server) })

	require.NoError(t, write(client, []byte("ab")))
	shut(client)
	b := make([]byte, 8)
	n, err := read(server, b)
	require.NoError(t, err)
	require.Equal(t, "ab", string(b[:n]))
	n, err = read(server, b)
	require.NoError(t, err)
	require.Zero(t, n)

	_, err = connect(newAddress(5, 1)) // nobody listens there
	require.Error(t, err)
}
