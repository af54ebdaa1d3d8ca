// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"net/netip"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// claimsOf returns the addresses of a service that is seen at a moment.
// A cluster address is the service's alone, with all ports. An external one, a load
// balancer's or another, may be of several services and of a node, each with its ports.
// One without a cluster address has none at all, whatever is written in it: no kube-proxy
// translates the external addresses of a headless service.
// What its annotations and labels (if these count) say of service.name holds as for pods.
// It has no owner to tell the name, and its own name is that of no service.name.
func claimsOf(s *corev1.Service, cluster string, labels bool, seen moment) []*claim {
	common := identity.Common{Cluster: cluster, Namespace: s.Namespace, Service: s.Name}
	if name, namespace := writtenService(&s.ObjectMeta, labels); name != "" {
		common.ServiceName, common.ServiceNamespace = name, namespace
	}
	id := &identity.Identity{Kind: identity.KindService, Place: &identity.Place{}, Common: &common}
	var ports []uint16
	for _, p := range s.Spec.Ports {
		if p.Protocol == corev1.ProtocolTCP || p.Protocol == "" {
			ports = append(ports, uint16(p.Port))
		}
	}
	created := s.CreationTimestamp.UnixNano()
	since := min(created+int64(time.Second), seen.sure)
	if seen.unsettled {
		since = seen.sure
	}
	var claims []*claim
	add := func(text string, ports []uint16, sure int64) {
		a, err := netip.ParseAddr(text)
		a = a.Unmap()
		if err == nil && !slices.ContainsFunc(claims, func(c *claim) bool { return c.address == a }) {
			claims = append(claims, &claim{
				hold:    hold{from: min(created, seen.from), sure: sure, doubt: forever, until: forever},
				address: a, ports: ports, identity: id,
			})
		}
	}
	for _, ip := range clusterIPs(s) { // "None" is no address
		add(ip, nil, since)
	}
	if len(claims) == 0 || len(ports) == 0 { // headless, or none of TCP: the address is another's
		return claims
	}
	for _, ip := range s.Spec.ExternalIPs {
		add(ip, ports, seen.sure)
	}
	for _, ingress := range s.Status.LoadBalancer.Ingress {
		add(ingress.IP, ports, seen.sure)
	}
	return claims
}

func clusterIPs(s *corev1.Service) []string {
	if len(s.Spec.ClusterIPs) == 0 {
		return []string{s.Spec.ClusterIP}
	}
	return s.Spec.ClusterIPs
}

// claimsOfNode returns the addresses of a node.
func claimsOfNode(n *corev1.Node, id *identity.Identity, seen moment) []*claim {
	var claims []*claim
	for _, address := range n.Status.Addresses {
		switch address.Type {
		case corev1.NodeInternalIP, corev1.NodeExternalIP:
		default:
			continue
		}
		if a, err := netip.ParseAddr(address.Address); err == nil {
			claims = append(claims, &claim{
				hold:    hold{from: min(n.CreationTimestamp.UnixNano(), seen.from), sure: seen.sure, doubt: forever, until: forever},
				address: a.Unmap(), identity: id,
			})
		}
	}
	return claims
}

func zoneOf(n *corev1.Node) string {
	return first(n.Labels[corev1.LabelTopologyZone], n.Labels[corev1.LabelFailureDomainBetaZone])
}
