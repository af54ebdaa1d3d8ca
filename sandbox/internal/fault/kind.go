// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"fmt"
	"slices"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/impair"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/pod"
)

// Classes of faults, as the console offers them.
const (
	Network   = "network"
	Server    = "server"
	Client    = "client"
	Container = "container"
	Database  = "database"
	RedisDB   = "redis"
)

// A Kind is one thing that can go wrong.
type Kind struct {
	Name   string
	Class  string
	About  string
	Places []PlaceKind // where it can be
	Expect []string    // values of tcp.problem.type that are right; none: TCP cannot see it

	// Allow are types that are true as well, but too small to have to be said.
	Allow []string

	impair *impair.Config   // of packets, both ways of the place
	cap    float64          // of the place's demand that passes
	match  string           // packets that are dropped, as nft writes it
	oneWay bool             // from the place's first to its second end only
	serve  func(*pod.Serve) // of the place's pods
	call   func(*pod.Call)  // from the place's first to its second end
	ports  int              // local ports left to the place's pods
	cpu    float64          // part that is left to the place's pods of the CPU time that they take
}

var (
	onPaths   = []PlaceKind{Pair, Pod, Node, ZonePair}
	onCalls   = []PlaceKind{Pair, Pod} // between nodes it would be the end of the shop
	onServers = []PlaceKind{Workload, Pod}
	loss      = []string{"tcp_retransmit_rise", "tcp_tail_loss"}
)

// Kinds is the catalogue.
func Kinds() []Kind {
	network, server := networkKinds(), serverKinds()
	for i := range network {
		network[i].Class = Network
		if network[i].Places == nil {
			network[i].Places = onPaths
		}
	}
	for i := range server {
		server[i].Class, server[i].Places = Server, onServers
	}
	return slices.Concat(network, server, otherKinds())
}

// Find returns the kind of that name.
func Find(name string) (Kind, error) {
	for _, kind := range Kinds() {
		if kind.Name == name {
			return kind, nil
		}
	}
	return Kind{}, fmt.Errorf("find fault: there is no %q", name)
}

func networkKinds() []Kind {
	return []Kind{
		{Name: "loss-0.5", About: "0.5 % of packets are lost", Expect: loss, impair: &impair.Config{Loss: .005}},
		{Name: "loss-1", About: "1 % of packets are lost", Expect: loss, impair: &impair.Config{Loss: .01}},
		{Name: "loss-3", About: "3 % of packets are lost", Expect: loss, impair: &impair.Config{Loss: .03}},
		{Name: "loss-10", About: "10 % of packets are lost", Expect: loss, impair: &impair.Config{Loss: .1}},
		{Name: "delay", About: "each packet is 25 ms late", Expect: []string{"tcp_rtt_rise"}, impair: &impair.Config{Delay: 25 * time.Millisecond}},
		{Name: "jitter", About: "each packet is up to 40 ms late", Expect: []string{"tcp_jitter_rise", "tcp_rtt_rise"},
			impair: &impair.Config{Jitter: 40 * time.Millisecond}},
		{Name: "reordering", About: "5 % of packets are overtaken by 15 ms", Expect: []string{"tcp_reordering", "tcp_spurious_retransmit"},
			impair: &impair.Config{Delay: time.Millisecond, Reorder: .05, ReorderBy: 15 * time.Millisecond}},
		{Name: "duplication", About: "5 % of packets come twice", impair: &impair.Config{Duplicate: .05}},
		{Name: "bandwidth", Places: onCalls, About: "60 % of what is asked for passes at each node, behind a queue for 5 s of it", Expect: []string{"tcp_rtt_rise", "tcp_jitter_rise"},
			impair: &impair.Config{}, cap: .6},
		{Name: "mtu-black-hole", About: "packets above 1,000 bytes vanish, small ones pass", Expect: []string{"tcp_pmtu_blackhole"}, match: "ip length > 1000"},
		{Name: "one-way-drop", Places: onCalls, About: "nothing arrives in one direction", oneWay: true, match: "meta l4proto tcp",
			Expect: []string{"tcp_connect_timeout", "tcp_idle_drop", "tcp_syn_retransmit", "tcp_retransmit_rise", "tcp_tail_loss"}},
		{Name: "filtered", Places: []PlaceKind{Pair}, About: "connections cannot be opened, SYNs vanish", oneWay: true, match: "tcp flags & (syn | ack) == syn",
			Expect: []string{"tcp_connect_timeout", "tcp_syn_retransmit"}},
	}
}

func serverKinds() []Kind {
	return []Kind{
		{Name: "refused", About: "nobody listens", Expect: []string{"tcp_connect_refused"}, serve: func(s *pod.Serve) { s.Refuse = true }},
		{Name: "reset-storm", About: "every second request is answered by a RST", Expect: []string{"tcp_reset_storm"}, serve: func(s *pod.Serve) { s.Reset = .5 }},
		{Name: "slow-reader", About: "the server reads 20 kB/s of each connection", Expect: []string{"tcp_zero_window"}, serve: func(s *pod.Serve) { s.ReadRate = 20_000 }},
		{Name: "stopped-reader", About: "the server reads nothing", Expect: []string{"tcp_zero_window"}, serve: func(s *pod.Serve) { s.ReadStopped = true }},
		{Name: "receive-buffer-listener", About: "SO_RCVBUF 4 KiB before listen: no window scale", Expect: []string{"tcp_window_scale_zero", "tcp_receive_buffer_locked"},
			serve: func(s *pod.Serve) { s.ListenBuffer = 4096 }},
		{Name: "receive-buffer-accepted", About: "SO_RCVBUF 4 KiB after accept", Expect: []string{"tcp_receive_buffer_locked"}, serve: func(s *pod.Serve) { s.AcceptBuffer = 4096 }},
		{Name: "send-buffer", About: "SO_SNDBUF 4 KiB after accept; with round trips of µs it costs nothing", Allow: []string{"tcp_send_buffer_limited"}, serve: func(s *pod.Serve) { s.SendBuffer = 4096 }},
		{Name: "accept-queue", About: "an accept queue of 1 that is served every 2 s", Expect: []string{"tcp_accept_overflow"},
			serve: func(s *pod.Serve) { s.Backlog, s.AcceptDelay = 1, 2*time.Second }},
	}
}

func otherKinds() []Kind {
	return []Kind{
		{Name: "nagle", Class: Client, Places: []PlaceKind{Pair}, About: "requests are written in two pieces without TCP_NODELAY", Expect: []string{"tcp_nagle_delayed_ack"},
			call: func(c *pod.Call) { c.Split = true }},
		{Name: "pool-exhausted", Class: Client, Places: []PlaceKind{Pair}, About: "a pool of one connection that is kept for 300 ms",
			call: func(c *pod.Call) { c.Pool, c.Hold = 1, 300*time.Millisecond }},
		{Name: "port-exhaustion", Class: Client, Places: onServers, About: "12 local ports for all connections", Expect: []string{"tcp_port_exhaustion"}, ports: 12},
		{Name: "cpu", Class: Container, Places: onServers, About: "40 % is left of the CPU time that it takes", cpu: .4},
		{Name: "database-stall", Class: Database, Places: onServers, About: "each query takes 400 ms more", serve: func(s *pod.Serve) { s.Stall = 400 * time.Millisecond }},
		{Name: "redis-stall", Class: RedisDB, Places: onServers, About: "each command takes 150 ms more", serve: func(s *pod.Serve) { s.Stall = 150 * time.Millisecond }},
	}
}
