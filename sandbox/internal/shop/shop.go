// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package shop

import (
	"fmt"
	"net/netip"
	"time"
)

// Namespace is the one that all workloads of the shop are in.
const Namespace = "shop"

// A Protocol is what two services speak.
type Protocol string

// Protocols.
const (
	HTTP1   Protocol = "http/1.1"
	HTTP2   Protocol = "http/2"
	GRPC    Protocol = "grpc"
	Dubbo   Protocol = "dubbo"
	NATS    Protocol = "nats"
	MySQL   Protocol = "mysql"
	Redis   Protocol = "redis"
	Elastic Protocol = "elasticsearch"
	Mongo   Protocol = "mongodb"
)

// A Style is how a client uses its connections.
type Style string

// Styles.
const (
	Pool     Style = "pool"     // keep-alive connections
	Short    Style = "short"    // a connection for each request
	Pipeline Style = "pipeline" // several requests at once on one connection
	Push     Style = "push"     // the server sends when it likes
	Bulk     Style = "bulk"     // requests of many segments
)

// A Service is one workload.
type Service struct {
	Name     string
	Kind     string // of the workload, as Kubernetes spells it
	Protocol Protocol
	Port     uint16
	VIP      netip.Addr
	Pods     int
}

// An Edge is a call: whoever is asked at From asks To, on average Share times.
type Edge struct {
	From, To string
	Style    Style
	Share    float64 // calls for each request at From; 0 if it has a Rate
	Rate     float64 // calls each second of all of From's pods, whoever asks
	Request  int     // bytes
	Response int     // bytes

	// Distance is how long a packet takes besides, each way, as to another region.
	Distance time.Duration
}

// A Node is a machine, which is a network namespace here.
type Node struct {
	Name   string
	Zone   string
	Uplink netip.Addr   // on the network between nodes
	Bridge netip.Addr   // its pods' gateway
	Pods   netip.Prefix // its pods' addresses
}

// A Pod is one instance of a service.
type Pod struct {
	Name        string
	Service     string
	Index       int
	Node        string
	Address     netip.Addr
	ContainerID string
}

// A Shop is all of it.
type Shop struct {
	Nodes    []Node
	Services []Service
	Edges    []Edge
	Pods     []Pod
	Load     float64 // customers' requests each second
}

// Service returns the service of that name.
func (s *Shop) Service(name string) (Service, error) {
	for _, one := range s.Services {
		if one.Name == name {
			return one, nil
		}
	}
	return Service{}, fmt.Errorf("find service: there is no %q", name)
}

// PodsOf returns a service's pods, by index.
func (s *Shop) PodsOf(service string) (pods []Pod) {
	for _, pod := range s.Pods {
		if pod.Service == service {
			pods = append(pods, pod)
		}
	}
	return pods
}

// Node returns the node of that name.
func (s *Shop) Node(name string) (Node, error) {
	for _, node := range s.Nodes {
		if node.Name == name {
			return node, nil
		}
	}
	return Node{}, fmt.Errorf("find node: there is no %q", name)
}

// Pod returns the pod of that name.
func (s *Shop) Pod(name string) (Pod, error) {
	for _, pod := range s.Pods {
		if pod.Name == name {
			return pod, nil
		}
	}
	return Pod{}, fmt.Errorf("find pod: there is no %q", name)
}

// Edge returns what one service calls another by.
func (s *Shop) Edge(from, to string) (Edge, error) {
	for _, edge := range s.Edges {
		if edge.From == from && edge.To == to {
			return edge, nil
		}
	}
	return Edge{}, fmt.Errorf("find call: %s does not call %s", from, to)
}
