// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package shop

import (
	"fmt"
	"strings"
)

// Identities is the file from which the collector knows who is who; see docs/identity.md.
func (s *Shop) Identities() string {
	var b strings.Builder
	b.WriteString("workloads:\n")
	for _, pod := range s.Pods {
		service, _ := s.Service(pod.Service)
		node, _ := s.Node(pod.Node)
		fmt.Fprintf(&b, "  - {namespace: %s, workload: %s, kind: %s, pod: %s, service: %s, node: %s, zone: %s, addresses: [%s], container_ids: [%s]}\n",
			Namespace, pod.Service, service.Kind, pod.Name, pod.Service, node.Name, node.Zone, pod.Address, pod.ContainerID)
	}
	for _, node := range s.Nodes {
		fmt.Fprintf(&b, "  - {node: %s, zone: %s, addresses: [%s, %s]}\n", node.Name, node.Zone, node.Uplink, node.Bridge)
	}
	b.WriteString("services:\n")
	for _, service := range s.Services {
		fmt.Fprintf(&b, "  - {namespace: %s, service: %s, addresses: [%s], ports: [%d]}\n",
			Namespace, service.Name, service.VIP, service.Port)
	}
	return b.String()
}
