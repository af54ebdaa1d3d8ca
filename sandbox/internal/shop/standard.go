// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package shop

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"
)

// Entry is the service at which customers arrive; it makes up the customers itself.
const Entry = "service-a"

// Standard is the shop of the drill: 17 services on three nodes in two zones. What it
// answers is large enough for segments to be counted by the hundred in a tick, and asked
// for seldom enough for two cores.
func Standard() *Shop {
	s := &Shop{Services: services(), Edges: edges(), Load: DefaultLoad}
	for i, zone := range []string{"zone-1", "zone-1", "zone-2"} {
		n := byte(i + 1)
		s.Nodes = append(s.Nodes, Node{
			Name: fmt.Sprintf("node-%d", n), Zone: zone,
			Uplink: netip.AddrFrom4([4]byte{10, 245, 0, n}),
			Bridge: netip.AddrFrom4([4]byte{10, 244, n, 1}),
			Pods:   netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 244, n, 0}), 24),
		})
	}
	s.place()
	return s
}

func services() []Service {
	all := []Service{
		{Kind: "Deployment", Protocol: HTTP1, Pods: 2},  // a: where customers arrive
		{Kind: "Deployment", Protocol: HTTP2, Pods: 2},  // b: API
		{Kind: "Deployment", Protocol: GRPC, Pods: 2},   // c: catalogue
		{Kind: "Deployment", Protocol: HTTP1, Pods: 2},  // d: accounts
		{Kind: "Deployment", Protocol: GRPC, Pods: 2},   // e: cart
		{Kind: "Deployment", Protocol: Dubbo, Pods: 2},  // f: orders
		{Kind: "Deployment", Protocol: HTTP2, Pods: 2},  // g: search
		{Kind: "Deployment", Protocol: HTTP1, Pods: 2},  // h: recommendations
		{Kind: "Deployment", Protocol: GRPC, Pods: 2},   // i: prices
		{Kind: "Deployment", Protocol: HTTP1, Pods: 3},  // j: checkout
		{Kind: "Deployment", Protocol: HTTP1, Pods: 3},  // k: stock
		{Kind: "StatefulSet", Protocol: MySQL, Pods: 2}, // l
		{Kind: "StatefulSet", Protocol: Redis, Pods: 2}, // m
		{Kind: "StatefulSet", Protocol: Elastic, Pods: 2},
		{Kind: "StatefulSet", Protocol: Mongo, Pods: 2},
		{Kind: "StatefulSet", Protocol: NATS, Pods: 2},
		{Kind: "Deployment", Protocol: HTTP1, Pods: 2}, // q: notifications
	}
	for i := range all {
		all[i].Name = "service-" + string(rune('a'+i))
		all[i].Port = ports[all[i].Protocol]
		all[i].VIP = netip.AddrFrom4([4]byte{10, 96, 0, byte(i + 10)})
	}
	return all
}

var ports = map[Protocol]uint16{
	HTTP1: 8080, HTTP2: 8082, GRPC: 9090, Dubbo: 20880, NATS: 4222,
	MySQL: 3306, Redis: 6379, Elastic: 9200, Mongo: 27017,
}

const kB = 1000

func edges() []Edge {
	all := []Edge{
		{From: "a", To: "b", Style: Pool, Share: 1, Request: 400, Response: 14 * kB},
		{From: "a", To: "c", Style: Pool, Share: 1, Request: 400, Response: 14 * kB},
		{From: "b", To: "d", Style: Short, Share: .35, Request: 600, Response: 9 * kB},
		{From: "b", To: "e", Style: Pool, Share: .8, Request: 600, Response: 16 * kB},
		{From: "b", To: "f", Style: Pool, Share: .8, Request: 900, Response: 16 * kB},
		{From: "c", To: "g", Style: Pool, Share: .8, Request: 500, Response: 16 * kB},
		{From: "c", To: "h", Style: Pool, Share: .8, Request: 500, Response: 16 * kB},
		{From: "e", To: "i", Style: Pool, Share: 1, Request: 300, Response: 16 * kB},
		{From: "e", To: "j", Style: Pool, Share: .6, Request: 900, Response: 20 * kB},
		{From: "e", To: "m", Style: Pipeline, Share: 1, Request: 900, Response: 14 * kB},
		{From: "f", To: "j", Style: Pool, Share: .6, Request: 900, Response: 20 * kB},
		{From: "f", To: "p", Style: Pool, Share: 1, Request: 9 * kB},
		{From: "h", To: "j", Style: Short, Share: .4, Request: 900, Response: 20 * kB},
		{From: "h", To: "o", Style: Pool, Share: 1, Request: 500, Response: 14 * kB},
		{From: "j", To: "k", Style: Pool, Share: 1, Request: 3 * kB, Response: 16 * kB},
		{From: "d", To: "l", Style: Pool, Share: 1, Request: 300, Response: 22 * kB},
		{From: "k", To: "l", Style: Pool, Share: .8, Request: 300, Response: 12 * kB},
		{From: "i", To: "m", Style: Pool, Share: 1, Request: 300, Response: 14 * kB},
		{From: "g", To: "n", Style: Pool, Share: 1, Request: 500, Response: 16 * kB},
		{From: "k", To: "n", Style: Bulk, Rate: 2, Request: 120 * kB, Response: 200, Distance: 10 * time.Millisecond},
		{From: "q", To: "p", Style: Push},
		{From: "q", To: "d", Style: Short, Rate: 4, Request: 700, Response: 8 * kB},
	}
	for i := range all {
		all[i].From, all[i].To = "service-"+all[i].From, "service-"+all[i].To
	}
	return all
}

// place puts pods on nodes in turn, so that a service has pods on several of them and
// each node has pods of many services.
func (s *Shop) place() {
	taken, turn := make(map[string]byte), 0
	for _, service := range s.Services {
		for i := range service.Pods {
			node := s.Nodes[turn%len(s.Nodes)]
			turn++
			taken[node.Name]++
			base := node.Pods.Addr().As4()
			base[3] = 9 + taken[node.Name]
			name := fmt.Sprintf("%s-%d", service.Name, i)
			id := sha256.Sum256([]byte(name))
			s.Pods = append(s.Pods, Pod{
				Name: name, Service: service.Name, Index: i, Node: node.Name,
				Address: netip.AddrFrom4(base), ContainerID: hex.EncodeToString(id[:]),
			})
		}
	}
}
