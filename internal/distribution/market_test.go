// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution

package distribution

import (
	"net/netip"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/rttlog"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// A market is what two processes of one name did with one peer, a process of
// another name.
type market struct {
	port    uint16 // the peer's
	clients []dealer
	server  dealer
}

// A dealer is a process, and what it knows of its connections.
type dealer struct {
	pid        string
	ends       []traffic.End
	roundTrips []float64 // as an independent log of the kernel's callbacks has them, µs
}

const (
	clientName = "prom-shopper"
	serverName = "prom-shop"
)

// openMarket lets two clients talk to one server of their own host, on 3 and 2
// connections.
func openMarket(t testing.TB, ns *netns.NS) market {
	t.Helper()
	log := rttlog.Start(t, cgroup.Root(t), ns)
	m := trade(t, traffic.Loopback(ns, "127.0.0.1"))
	log.Stop()
	m.server.listen(t, log.Samples())
	for i := range m.clients {
		m.clients[i].listen(t, log.Samples())
	}
	return m
}

// trade lets two clients talk to one server, on 3 and 2 connections.
func trade(t testing.TB, path traffic.Path) market {
	t.Helper()
	scenario := traffic.Exchange(5, 1_234, 56_789)
	shop := traffic.Start(t, path.Server, serverName)
	first, second := traffic.Start(t, path.Client, clientName), traffic.Start(t, path.Client, clientName)

	at := shop.Listen(path.Socket, netip.AddrPortFrom(path.Address, 0))
	served := shop.Serve(path.Socket, 5, scenario.Server)
	firsts := first.Connect(path, at, 3, 1, scenario.Client)
	seconds := second.Connect(path, at, 2, 1, scenario.Client)

	m := market{port: at.Port()}
	m.clients = []dealer{{pid: pid(first), ends: firsts()}, {pid: pid(second), ends: seconds()}}
	m.server = dealer{pid: pid(shop), ends: served()}
	return m
}

func pid(p *traffic.Process) string { return strconv.Itoa(p.PID) }

// listen takes its connections' round trips out of the log.
func (d *dealer) listen(t testing.TB, log []rttlog.Sample) {
	t.Helper()
	type ports struct{ local, remote uint16 }
	own := make(map[ports]bool)
	for _, end := range d.ends {
		own[ports{end.Local.Port(), end.Remote.Port()}] = true
	}
	for _, s := range log {
		if own[ports{s.LocalPort, s.RemotePort}] && counts(s) {
			d.roundTrips = append(d.roundTrips, float64(s.RttUs))
		}
	}
	require.NotEmpty(t, d.roundTrips)
}

// counts tells whether a sample is a round trip of data, or the client's SYN.
func counts(s rttlog.Sample) bool {
	switch s.Op {
	case rttlog.ActiveEstablished:
		return s.RttUs != 0
	case rttlog.RTT:
		return s.State == unix.BPF_TCP_ESTABLISHED || s.State == unix.BPF_TCP_CLOSE_WAIT
	default:
		return false
	}
}

func (d dealer) written() (bytes float64) {
	for _, end := range d.ends {
		bytes += float64(end.Written)
	}
	return bytes
}

func (d dealer) read() (bytes float64) {
	for _, end := range d.ends {
		bytes += float64(end.Read)
	}
	return bytes
}

func (d dealer) connections() float64 { return float64(len(d.ends)) }

// trips returns how many round trips took at most so many seconds.
func (d dealer) trips(bound float64) (n float64) {
	for _, µs := range d.roundTrips {
		if µs/1e6 <= bound {
			n++
		}
	}
	return n
}

// tripTime returns the sum of all round trips in seconds.
func (d dealer) tripTime() (s float64) {
	for _, µs := range d.roundTrips {
		s += µs
	}
	return s / 1e6
}

// by returns a value of each dealer by process ID.
func by(value func(dealer) float64, dealers ...dealer) map[string]float64 {
	values := make(map[string]float64)
	for _, d := range dealers {
		values[d.pid] = value(d)
	}
	return values
}
