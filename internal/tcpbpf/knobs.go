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

// setKnobs writes the constants of the kernel side. root is the inode of the observed
// cgroup, 0 for the host's root.
func setKnobs(v *tcpwhyVariableSpecs, cfg Config, root uint64) error {
	var seed [8]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return fmt.Errorf("seed hash: %w", err)
	}
	length, err := jiffy()
	if err != nil {
		return err
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
		{v.InitPid, max(cfg.init, 1)},
		{v.HashSeed, binary.NativeEndian.Uint64(seed[:])},
		{v.CgroupRoot, root},
		{v.Jiffy, length},
		{v.EventPause, eventPauses(cfg.EventLimits)},
		{v.RttBounds, bounds},
		{v.RttSmall, rttSmall(bounds)},
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

// rttBounds holds, for each bucket, the largest whole number of µs in it. Bucket 0
// is that of 0, the others are those of flow.RTTLayout.
func rttBounds() (bounds [128]uint32) {
	for i := range flow.RTTLayout.Count {
		bounds[i+1] = uint32(flow.RTTLayout.UpperBound(i))
	}
	return bounds
}

// rttSmall holds, for each small number of µs, its bucket.
func rttSmall(bounds [128]uint32) (small [4096]uint8) {
	i := 0
	for us := range small {
		for int(bounds[i]) < us {
			i++
		}
		small[us] = uint8(i)
	}
	return small
}

// rttGuess holds, for each k, the bucket of 2^k µs.
func rttGuess(bounds [128]uint32) [32]uint8 {
	var guess [32]uint8
	i := 0
	for k := range guess {
		for i < len(bounds)-1 && bounds[i] < 1<<k {
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
