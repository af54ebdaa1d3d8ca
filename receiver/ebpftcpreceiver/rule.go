// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
)

// A RuleConfig describes connections. It matches those that match each of its
// lists that is not empty; a list matches if one of its values does.
type RuleConfig struct {
	// CIDRs match the peer's address.
	CIDRs []netip.Prefix `mapstructure:"cidrs"`
	// Ports match the server's port, whichever end is observed.
	Ports []int `mapstructure:"ports"`
	// Processes match the basename of the local process's executable: "*" is
	// any number of characters, "?" is one.
	Processes []string `mapstructure:"processes"`

	_ struct{}
}

// Limits of what the kernel side compares each new connection with.
const (
	maxRules        = 16
	maxRuleValues   = 8
	maxGlobs        = 64 // in all rules together
	maxGlobLength   = 32 // bytes
	maxClusterCIDRs = 16
	maxMaxFlows     = 1 << 20
)

func checkRule(key string, rule RuleConfig) error {
	if len(rule.CIDRs)+len(rule.Ports)+len(rule.Processes) == 0 {
		return fmt.Errorf("%s: has none of cidrs, ports and processes, and would match everything", key)
	}
	return errors.Join(
		checkAll(key+"::cidrs", rule.CIDRs, maxRuleValues, checkCIDR),
		checkAll(key+"::ports", rule.Ports, maxRuleValues, checkPort),
		checkAll(key+"::processes", rule.Processes, maxRuleValues, checkGlob),
	)
}

// checkGlobs bounds the processes of all rules together.
func checkGlobs(include, exclude []RuleConfig) error {
	count := 0
	for _, rules := range [][]RuleConfig{include, exclude} {
		for _, rule := range rules {
			count += len(rule.Processes)
		}
	}
	if count > maxGlobs {
		return fmt.Errorf("include, exclude: have %d processes together, more than %d", count, maxGlobs)
	}
	return nil
}

func checkCIDR(key string, cidr netip.Prefix) error {
	if !cidr.IsValid() {
		return fmt.Errorf("%s: is empty", key)
	}
	if cidr.Addr().Is4In6() {
		return fmt.Errorf("%s: %s: write IPv4-mapped addresses as IPv4, as flows do", key, cidr)
	}
	return nil
}

func checkPort(key string, port int) error { return within(key, port, 1, math.MaxUint16) }

func checkGlob(key, glob string) error {
	if glob == "" {
		return fmt.Errorf("%s: is empty", key)
	}
	if len(glob) > maxGlobLength {
		return fmt.Errorf("%s: %q has %d bytes, more than %d", key, glob, len(glob), maxGlobLength)
	}
	if i := strings.IndexAny(glob, "[]{}\\/"); i >= 0 {
		return fmt.Errorf("%s: %q contains %q: a name with * and ? is expected, no other pattern and no path", key, glob, glob[i])
	}
	return nil
}
