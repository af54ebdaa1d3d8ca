// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build k8s

package kubernetes_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/testutil/apiserver"
)

// How many seats there are: an IPv4 and an IPv6 address each that go from one to the other.
const (
	podSeats     = 40
	serviceSeats = 10
	hostSeats    = 10
)

// A seat is what goes from pod to pod, or from service to service: addresses, or a place in
// a node's network.
type seat struct {
	headless bool // a headless service lists its addresses as external ones
	service  bool
	ips      []string
	port     uint16
	asked    atomic.Int64
	handOver func(ctx context.Context, lives int) error

	mu   sync.Mutex
	made []*pod // in their node's network
}

// podSeat is one of pods of their own addresses.
func (c *churn) podSeat(n int) *seat {
	s := &seat{
		ips: []string{fmt.Sprintf("10.9.0.%d", n+1), fmt.Sprintf("fd00:9::%x", n+1)}, port: 80,
		headless: n%8 < 2,
	}
	if s.headless {
		c.headless(fmt.Sprintf("headless-%d", n), s)
	}
	h := c.heirs(s, fmt.Sprintf("m%d", n), n)
	h.Nodes = []string{nodeName(c.live, n), nodeName(c.live, n+n%3), nodeName(c.live, n+2*(n%3))}
	h.Register, h.Early = &c.pods, n%2 == 0
	return s
}

// headless makes a headless service that has a seat's addresses written in it.
func (c *churn) headless(name string, s *seat) {
	c.service(name, corev1.ServiceSpec{
		ClusterIP: corev1.ClusterIPNone, Selector: map[string]string{"app": name},
		ExternalIPs: s.ips, Ports: []corev1.ServicePort{{Port: int32(s.port)}},
	})
	c.t.Cleanup(func() { require.NoError(c.t, c.admin.RemoveService(context.Background(), c.namespace, name)) })
}

// hostSeat is one of pods in the network of a node.
func (c *churn) hostSeat(n int) *seat {
	s := &seat{ips: nodeAddresses(n)}
	h := c.heirs(s, fmt.Sprintf("h%d", n), n)
	h.Nodes, h.HostNetwork, h.Register = []string{nodeName(c.live, n)}, true, new(apiserver.Register)
	known := h.Known
	h.Known = func(p *pod) error {
		s.mu.Lock()
		s.made = append(s.made, p)
		s.mu.Unlock()
		return known(p)
	}
	return s
}

// someone is one of its pods, or nil.
func (s *seat) someone() *pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.made) == 0 {
		return nil
	}
	return s.made[rand.IntN(len(s.made))]
}

func (c *churn) heirs(s *seat, name string, n int) *apiserver.Heirs {
	h := &apiserver.Heirs{
		Client: c.admin, Namespace: c.namespace, Name: name, IPs: s.ips,
		Known: func(p *pod) error {
			return await(func() bool { return c.isAway.Load() || c.source.Local(identity.Local{PodUID: p.UID}, 1) != nil }, p.Name+" is known")
		},
		Late: func(p *pod) error { return s.wait(p.Name, 10) },
		Live: func(p *pod) error { return c.lead(s, p.Name, p.Once, n%4 == 0) },
	}
	s.handOver = h.HandOver
	return h
}

func (c *churn) last(s *seat, name string) error {
	for _, questions := range []int64{100, 0} {
		since := time.Now()
		if err := await(func() bool { return time.Since(since) > 1100*time.Millisecond }, name+" lasts"); err != nil {
			return err
		}
		enough := s.asked.Load() + questions
		if err := await(func() bool { return s.asked.Load() >= enough }, name+" was asked for"); err != nil {
			return err
		}
	}
	return nil
}

// wait returns after some questions.
func (s *seat) wait(name string, most int64) error {
	enough := s.asked.Load() + rand.Int64N(most)
	return await(func() bool { return s.asked.Load() >= enough }, name+" was asked for")
}

// lead is a life. Some are long, for Kubernetes' times are of seconds: between its first and
// its last one there are questions enough, however slow the machine is.
func (c *churn) lead(s *seat, name string, once, long bool) error {
	told := time.Now()
	err := s.wait(name, 150)
	if err == nil && long && !once {
		err = c.last(s, name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lives[name] = &life{told: told, end: time.Now(), unseen: c.isAway.Load(), once: once}
	return err
}

// A service is one of both families.
type service struct {
	name string
	ips  []string
}

// Held tells a register its addresses.
func (s *service) Held() (name string, addresses []string) { return s.name, s.ips }

// serviceSeat is one of services whose cluster addresses the next one gets at once. Nobody
// has a connection to a service before its node's kube-proxy knows of it, by a watch, too.
// Some services stay until nobody is told: theirs is the only known one of the address then.
func (c *churn) serviceSeat(n int) *seat {
	s := &seat{
		service: true, port: uint16(80 + n),
		ips: []string{fmt.Sprintf("10.96.0.%d", 100+n), fmt.Sprintf("fd00:10:96::%x", 0x40+n)}, // which the API server gives nobody who asks for none
	}
	made, last := 0, (*service)(nil)
	s.handOver = func(ctx context.Context, lives int) error {
		for range lives {
			if n%3 == 0 && made == 1 && !c.isAway.Load() {
				return s.wait(last.name, 150)
			}
			next := &service{name: fmt.Sprintf("s%d-%d", n, made), ips: s.ips}
			if err := c.replace(ctx, last, next, s.port); err != nil {
				return err
			}
			made, last = made+1, next
			if err := c.lead(s, next.name, false, n%2 == 0); err != nil {
				return err
			}
		}
		return nil
	}
	c.t.Cleanup(func() {
		if last != nil {
			require.NoError(c.t, c.admin.RemoveService(context.Background(), c.namespace, last.name))
		}
	})
	return s
}

// replace deletes a service and makes the next.
func (c *churn) replace(ctx context.Context, last, next *service, port uint16) error {
	if last != nil {
		c.services.Leave(last)
		if err := c.admin.RemoveService(ctx, c.namespace, last.name); err != nil {
			return err
		}
		c.objects.Leave(last)
	}
	c.objects.Take(next)
	both := corev1.IPFamilyPolicyRequireDualStack
	_, err := c.admin.Service(ctx, c.namespace, next.name, corev1.ServiceSpec{
		ClusterIP: next.ips[0], ClusterIPs: next.ips, IPFamilyPolicy: &both,
		IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol, corev1.IPv6Protocol},
		Ports:      []corev1.ServicePort{{Port: int32(port)}},
	})
	if err != nil {
		return err
	}
	known := func() bool { return c.isAway.Load() || remote(c.source, next.ips[0], port, time.Now()) == next.name }
	if err := await(known, next.name+" is known"); err != nil {
		return err
	}
	c.services.Take(next)
	return nil
}

func nodeAddresses(n int) []string {
	return []string{fmt.Sprintf("192.168.7.%d", n%manyNodes+1), fmt.Sprintf("fd00:7::%x", n%manyNodes+1)}
}
