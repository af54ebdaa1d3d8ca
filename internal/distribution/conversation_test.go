// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution

package distribution

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// converse makes one connection on loopback on which the client writes request
// bytes and the server then response bytes. It returns the server's port.
func converse(t testing.TB, ns *netns.NS, request, response int) (port int) {
	t.Helper()
	listener := ns.Listen("127.0.0.1:0")
	served := make(chan error, 1)
	go func() { served <- serve(listener, request, response) }()

	conn, err := ns.Dial(listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write(make([]byte, request))
	require.NoError(t, err)
	read, err := io.Copy(io.Discard, conn)
	require.NoError(t, err)
	require.EqualValues(t, response, read)
	require.NoError(t, <-served)
	return listener.Addr().(*net.TCPAddr).Port
}

func serve(listener net.Listener, request, response int) error {
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.ReadFull(conn, make([]byte, request)); err != nil {
		return err
	}
	_, err = conn.Write(make([]byte, response))
	return err
}
