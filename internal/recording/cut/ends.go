// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/netip"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// ends are those that are wanted, by name or address. None at all are everybody.
type ends struct {
	names    map[string]bool
	prefixes []netip.Prefix
}

// parseEnds reads names, addresses and CIDRs.
func parseEnds(text string) *ends {
	e := &ends{names: make(map[string]bool)}
	for one := range strings.SplitSeq(text, ",") {
		if address, err := netip.ParseAddr(one); err == nil {
			e.prefixes = append(e.prefixes, netip.PrefixFrom(address, address.BitLen()))
		} else if prefix, err := netip.ParsePrefix(one); err == nil {
			e.prefixes = append(e.prefixes, prefix)
		} else if one != "" {
			e.names[one] = true
		}
	}
	return e
}

// has tells whether an end is wanted; id is nil if nobody knows it.
func (e *ends) has(address netip.Addr, id *identity.Identity) bool {
	for _, prefix := range e.prefixes {
		if prefix.Contains(address) {
			return true
		}
	}
	if id != nil && (e.names[id.Workload.Name] || e.names[id.Pod] || e.names[id.Service]) {
		return true
	}
	return len(e.names) == 0 && len(e.prefixes) == 0
}

// local is what a resource tells of the end that was observed.
func local(resource pcommon.Map, address netip.Addr) identity.Local {
	text := func(name string) string {
		if value, ok := resource.Get(name); ok {
			return value.Str()
		}
		return ""
	}
	return identity.Local{
		ContainerID: text(names.ContainerID), HostName: text(names.HostName), Process: text(names.ProcessExecutableName),
		Address: address,
	}
}
