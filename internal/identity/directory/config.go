// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/tcpwhy/tcpwhy/internal/identity/kubernetes"
	"github.com/tcpwhy/tcpwhy/internal/identity/static"
)

// Config says where identities come from. A section that is not there is not asked.
type Config struct {
	// Static is a file of workloads and services.
	Static *static.Config `mapstructure:"static"`
	// Kubernetes is a cluster.
	Kubernetes *kubernetes.Config `mapstructure:"kubernetes"`
	// ClusterCIDRs are the ranges of the cluster's pods, services and nodes: an address
	// that nobody is known to have is unknown there and external elsewhere. With none
	// the private ranges count as the cluster's.
	ClusterCIDRs []string `mapstructure:"cluster_cidrs"`

	_ struct{}
}

// Validate returns errors that name the key and the rule. The Collector validates the
// sections by itself.
func (c *Config) Validate() error {
	var errs []error
	for i, text := range c.ClusterCIDRs {
		if _, err := parseCIDR(text); err != nil {
			errs = append(errs, fmt.Errorf("cluster_cidrs[%d]: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

func parseCIDR(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return p, fmt.Errorf("%q must be a CIDR such as 10.0.0.0/8 or fd00::/8", text)
	}
	if p != p.Masked() {
		return p, fmt.Errorf("%q has bits behind its mask: must be %q", text, p.Masked())
	}
	return p, nil
}
