// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// inside are ranges that no public network has: private, shared with a carrier (CGNAT,
// RFC 6598, where clouds put pods), link-local, loopback, unspecified, unique local.
var inside = []string{
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
	"172.16.0.0/12", "192.168.0.0/16",
	"::/127", "fc00::/7", "fe80::/10",
}

// ranges are all addresses that may be inside the cluster.
type ranges struct{ table bart.Lite }

func newRanges(clusterCIDRs []string) (*ranges, error) {
	r := &ranges{}
	for _, text := range slices.Concat(clusterCIDRs, inside) {
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
