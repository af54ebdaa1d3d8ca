// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"hash/fnv"
	"net/netip"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
)

// Plan is the configuration of one of a shop's pods. Who calls more levels of services
// waits longer, so that a fault far below makes no call time out but the one it hits.
func Plan(s *shop.Shop, pod shop.Pod, load float64, day time.Duration, seed uint64) (Config, error) {
	service, err := s.Service(pod.Service)
	if err != nil {
		return Config{}, err
	}
	name := fnv.New64a()
	_, _ = name.Write([]byte(pod.Name))
	c := Config{
		Name: pod.Name, Service: pod.Service, Protocol: service.Protocol, Day: day, Seed: seed ^ name.Sum64(),
		Address: netip.AddrPortFrom(pod.Address, service.Port).String(),
	}
	if pod.Service == shop.Entry {
		c.Load = load / float64(service.Pods)
	}
	for _, edge := range s.Edges {
		if edge.From != pod.Service {
			continue
		}
		to, err := s.Service(edge.To)
		if err != nil {
			return Config{}, err
		}
		c.Calls = append(c.Calls, Target{
			Service: edge.To, Protocol: to.Protocol, Addresses: addresses(s, to, edge.Style), Style: edge.Style,
			Share: edge.Share, Rate: edge.Rate / float64(service.Pods), Request: edge.Request, Response: edge.Response,
			Timeout: time.Duration(s.Height(edge.To)+1) * 1500 * time.Millisecond,
		})
	}
	return c, nil
}

// addresses is the service's virtual one; who is sent to has to know each broker.
func addresses(s *shop.Shop, to shop.Service, style shop.Style) (all []string) {
	if style != shop.Push {
		return []string{netip.AddrPortFrom(to.VIP, to.Port).String()}
	}
	for _, pod := range s.PodsOf(to.Name) {
		all = append(all, netip.AddrPortFrom(pod.Address, to.Port).String())
	}
	return all
}
