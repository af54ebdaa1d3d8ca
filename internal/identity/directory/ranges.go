// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// near are ranges that no router forwards: loopback, link-local, unspecified. What is
// there is on the host or beside it, whatever the cluster's ranges are.
var near = []string{"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "::/127", "fe80::/10"}

// private are the other ranges that no public network has: private, unique local, and
// shared with a carrier (CGNAT, RFC 6598, where clouds put pods).
var private = []string{"10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}

// ranges are all addresses that may be inside the cluster: its own if they are known,
// else all that are private.
type ranges struct{ table bart.Lite }

func newRanges(clusterCIDRs []string) (*ranges, error) {
	if len(clusterCIDRs) == 0 {
		clusterCIDRs = private
	}
	r := &ranges{}
	for _, text := range slices.Concat(clusterCIDRs, near) {
		p, err := parseCIDR(text)
		if err != nil {
			return nil, err
		}
		r.table.Insert(p)
	}
	return r, nil
}

// stranger returns the identity of an address that nobody is known to have.
func (r *ranges) stranger(address netip.Addr) *identity.Identity {
	if !address.IsValid() || r.table.Contains(address) {
		return identity.Unknown
	}
	return identity.External
}
