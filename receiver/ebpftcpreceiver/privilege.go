// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import "strings"

// A privilege is a capability: what it buys, and whether it is held.
type privilege struct {
	name, buys string
	held       bool
}

// privileges are all that the kernel side uses.
type privileges []privilege

// held lists the names of those that are held, or of those that are not.
func (p privileges) names(held bool) string {
	var all []string
	for _, one := range p {
		if one.held == held {
			all = append(all, one.name)
		}
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

// needsLater reports whether something goes on to need capabilities that the kernel side
// used at start.
func (cfg *Config) needsLater() bool { return !cfg.DropCapabilities }
