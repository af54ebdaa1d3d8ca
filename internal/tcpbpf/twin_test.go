// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"io"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/stall"
	"github.com/tcpwhy/tcpwhy/internal/testutil/twin"
)

// TestTwinsOfAHandshake has one CPU make a socket of a handshake's last ACK while another
// one makes one of the data that follows it. The kernel counts two connections as opened
// and throws one away: it is one. Nor is the other one taken for an older connection where
// nobody knows the listener.
func TestTwinsOfAHandshake(t *testing.T) {
	for name, tamper := range map[string]func(*ebpf.CollectionSpec){
		"of a known listener": nil, "of an unknown listener": unverifiable(ProgramFind, ProgramCallbacks),
	} {
		t.Run(name, func(t *testing.T) {
			client, server := newPair(t)
			listener := server.Listen(netip.AddrPortFrom(server.IPv4, 0).String())
			k := observe(t, Config{Granularity: GranularityConnection, tamper: tamper})
			requireOneOfTwins(t, k, client, server, listener)
		})
	}
}

func requireOneOfTwins(t *testing.T, k *collector, client, server netns.Host, listener *net.TCPListener) {
	t.Helper()
	const bytes = 100
	witness, birth := twin.Watch(t), stall.Birth(t, server.NS)
	filter := nft.New(t, server.NS)
	connections := uint64(0)
	for witness.Of(server.NS) == 0 {
		connections++
		require.LessOrEqual(t, connections, uint64(10), "no data comes in time")
		filter.DropSome(nft.Input, 0, 1, nft.Flags(nft.SYN))
		p := newPlug(t, client.NS)
		writeAtOnce(t, p, addressOf(listener), birth, bytes)
		conn, err := listener.AcceptTCP()
		require.NoError(t, err)
		require.NoError(t, p.shutdown())
		_, err = io.Copy(io.Discard, conn)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		require.NoError(t, p.close())
		k.untilClosed(int(2*connections), at(client.IPv4))
	}

	require.EqualValues(t, 1, witness.Of(server.NS))
	require.EqualValues(t, connections+1, mib.Read(t, server.NS)["PassiveOpens"])
	for _, r := range []flow.Role{flow.RoleClient, flow.RoleServer} {
		s := k.sum(role(r, at(client.IPv4)))
		require.Equal(t, connections, s.Opened)
		require.Equal(t, connections, s.Closed[flow.CloseFIN])
		require.Zero(t, s.Live)
	}
	require.Equal(t, connections*bytes, k.sum(role(flow.RoleServer, at(client.IPv4))).Bytes[flow.Receive])
	unfound, err := readStat(k.objects.Stats, tcpwhyStatSTAT_NOT_FOUND)
	require.NoError(t, err)
	require.Zero(t, unfound, "no older connection")
}

// writeAtOnce connects and writes. The SYN that is answered is sent by a timer, on a CPU
// that is busy and so has its timers to itself, and so is the ACK: who is woken writes on
// another CPU. The one that comes first is held.
func writeAtOnce(t *testing.T, p plug, to netip.AddrPort, birth *stall.Stall, bytes int) {
	t.Helper()
	birth.Arm()
	var (
		begun = make(chan error, 1)
		done  atomic.Bool
		busy  errgroup.Group
	)
	busy.Go(func() error {
		return stall.OnCPU(1, func() error {
			begun <- p.beginConnect(to)
			for !done.Load() {
				runtime.Gosched()
			}
			return nil
		})
	})
	require.NoError(t, <-begun)
	err := stall.OnCPU(0, func() error {
		defer birth.Release()
		if err := p.outcome(); err != nil {
			return err
		}
		return p.write(bytes)
	})
	done.Store(true)
	require.NoError(t, busy.Wait())
	require.NoError(t, err)
}
