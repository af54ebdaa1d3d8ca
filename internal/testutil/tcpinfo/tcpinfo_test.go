// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tcpinfo_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func TestFinalTotalsOfBothEnds(t *testing.T) {
	client, server := connect(t)
	_, err := client.Write(make([]byte, 1000))
	require.NoError(t, err)
	require.NoError(t, client.CloseWrite())
	_, err = io.Copy(io.Discard, server)
	require.NoError(t, err)
	require.NoError(t, server.CloseWrite())
	_, err = io.Copy(io.Discard, client)
	require.NoError(t, err)

	c, s := tcpinfo.WaitClosed(t, client), tcpinfo.WaitClosed(t, server)
	require.EqualValues(t, 1000, c.Bytes_sent-c.Bytes_retrans)
	require.EqualValues(t, 1000+1, s.Bytes_received, "payload and the FIN")
	require.Equal(t, c.Data_segs_out, s.Data_segs_in)
	require.Equal(t, c.Segs_out, s.Segs_in, "client to server; a child starts with the SYN")
	require.Equal(t, c.Segs_in, s.Segs_out+1, "server to client; the SYN-ACK was the request socket's")
}

func TestOpenConnectionIsNotFinal(t *testing.T) {
	client, _ := connect(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := tcpinfo.AwaitClosed(ctx, client)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "have 1")
}

func TestClosedDescriptor(t *testing.T) {
	client, _ := connect(t)
	require.NoError(t, client.Close())
	_, err := tcpinfo.Get(client)
	require.ErrorIs(t, err, net.ErrClosed)
}

func connect(t *testing.T) (client, server *net.TCPConn) {
	t.Helper()
	ns := netns.New(t)
	listener := ns.Listen("127.0.0.1:0")
	client, err := ns.Dial(listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	server, err = listener.AcceptTCP()
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	return client, server
}
