// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"

	"github.com/cilium/ebpf"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// setKnobs writes the constants of the kernel side.
func setKnobs(v *tcpwhyVariableSpecs, cfg Config) error {
	var seed [8]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return fmt.Errorf("seed hash: %w", err)
	}
	bounds := rttBounds()
	rules, globs, err := compileRules(cfg)
	if err != nil {
		return err
	}
	cluster, err := compileCluster(cfg.ClusterCIDRs)
	if err != nil {
		return err
	}
	knobs := []struct {
		variable *ebpf.VariableSpec
		value    any
	}{
		{v.Granularity, uint32(cfg.Granularity)},
		{v.MaskPublic, flag(cfg.MaskPublic)},
		{v.HashSeed, binary.NativeEndian.Uint64(seed[:])},
		{v.RttBounds, bounds},
		{v.RttGuess, rttGuess(bounds)},
		{v.N_rules, [2]uint32{uint32(len(cfg.Include)), uint32(len(cfg.Exclude))}},
		{v.Rules, rules},
		{v.N_globs, uint32(len(globs))},
		{v.Globs, padGlobs(globs)},
		{v.N_clusterCidrs, uint32(len(cfg.ClusterCIDRs))},
		{v.ClusterCidrs, cluster},
	}
	for _, k := range knobs {
		if err := k.variable.Set(k.value); err != nil {
			return fmt.Errorf("set %s: %w", k.variable, err)
		}
	}
	return nil
}

func flag(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// rttBounds holds, for each bucket of flow.RTTLayout, the largest whole number
// of µs that is not above the bucket's upper bound in seconds.
func rttBounds() [129]uint32 {
	var bounds [129]uint32
	for i := range bounds {
		bounds[i] = uint32(min(flow.RTTLayout.UpperBound(i), 1<<32-1))
	}
	return bounds
}

// rttGuess holds, for each k, the bucket of 2^k µs.
func rttGuess(bounds [129]uint32) [32]uint8 {
	var guess [32]uint8
	i := 0
	for k := range guess {
		for bounds[i] < 1<<k {
			i++
		}
		guess[k] = uint8(i)
	}
	return guess
}

func compileCluster(prefixes []netip.Prefix) ([MaxClusterCIDRs]tcpwhyCidr, error) {
	var out [MaxClusterCIDRs]tcpwhyCidr
	if len(prefixes) > len(out) {
		return out, fmt.Errorf("compile cluster CIDRs: %d given, at most %d", len(prefixes), len(out))
	}
	for i, p := range prefixes {
		out[i] = compileCIDR(p)
	}
	return out, nil
}

// compileCIDR maps IPv4 into ::ffff:0:0/96, as the kernel side does.
func compileCIDR(p netip.Prefix) tcpwhyCidr {
	ones := p.Bits()
	if p.Addr().Is4() {
		ones += 96
	}
	var c tcpwhyCidr
	address := p.Masked().Addr().As16()
	for i := range c.Mask {
		n := min(max(ones-32*i, 0), 32)
		mask := bits.Reverse32(uint32(1)<<n - 1)
		if n == 32 {
			mask = 1<<32 - 1
		}
		c.Mask[i] = networkOrder(mask)
		c.Address[i] = binary.NativeEndian.Uint32(address[4*i:])
	}
	return c
}

func networkOrder(v uint32) uint32 {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v)
	return binary.NativeEndian.Uint32(b[:])
}
