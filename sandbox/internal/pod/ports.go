// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"fmt"
	"os"
)

const (
	portRange  = "/proc/sys/net/ipv4/ip_local_port_range"
	usualPorts = "32768 60999"
	firstPort  = 40000
)

// limitPorts leaves the namespace so many local ports; 0 is the usual number.
func limitPorts(n int) error {
	value := usualPorts
	if n > 0 {
		value = fmt.Sprintf("%d %d", firstPort, firstPort+n-1)
	}
	if err := os.WriteFile(portRange, []byte(value), 0); err != nil {
		return fmt.Errorf("limit local ports: %w", err)
	}
	return nil
}
