// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"encoding/binary"
	"math"
	"math/big"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// TestRTTBounds computes 10⁶·2^(e/4) by square roots of 200 bits.
func TestRTTBounds(t *testing.T) {
	root := new(big.Float).SetPrec(200).SetInt64(2)
	root.Sqrt(root.Sqrt(root))
	bound := new(big.Float).SetPrec(200).SetInt64(1_000_000)
	bound.SetMantExp(bound, -20)
	bound.Mul(bound, root) // 2^(-79/4) s

	bounds := rttBounds()
	require.Zero(t, bounds[0])
	for i, have := range bounds[1:] {
		want, _ := bound.Uint64()
		require.EqualValues(t, want, have, "floor of %s, bound %d", bound.Text('f', 9), i+1)
		bound.Mul(bound, root)
	}
	require.Len(t, bounds, 1+flow.RTTLayout.Count)
}

func TestRTTSmall(t *testing.T) {
	for us, have := range rttSmall(rttBounds()) {
		require.Equal(t, wantRTTBucket(uint32(us)), have, "%d µs", us)
	}
}

// TestRTTGuess holds what the kernel side relies on: the guess is not too high
// for any number that has k as its logarithm, and at most four too low.
func TestRTTGuess(t *testing.T) {
	for k, guess := range rttGuess(rttBounds()) {
		low, high := uint32(1)<<k, uint32(1)<<k*2-1
		require.Equal(t, wantRTTBucket(low), guess, "2^%d µs", k)
		require.LessOrEqual(t, wantRTTBucket(high), guess+4, "%d µs", high)
	}
}

func TestCompileCIDR(t *testing.T) {
	const all = math.MaxUint32
	mapped := [4]uint32{0, 0, 0xffff}
	tests := []struct {
		prefix        string
		address, mask [4]uint32 // as numbers, most significant first
	}{
		{"0.0.0.0/0", mapped, [4]uint32{all, all, all, 0}},
		{"10.0.0.0/8", with(mapped, 10<<24), [4]uint32{all, all, all, 0xff000000}},
		{"10.1.2.3/8", with(mapped, 10<<24), [4]uint32{all, all, all, 0xff000000}},
		{"192.168.130.0/23", with(mapped, 0xc0a88200), [4]uint32{all, all, all, 0xfffffe00}},
		{"192.0.2.1/32", with(mapped, 0xc0000201), [4]uint32{all, all, all, all}},
		{"::/0", [4]uint32{}, [4]uint32{}},
		{"fc00::/7", [4]uint32{0xfc000000}, [4]uint32{0xfe000000}},
		{"2001:db8:ffff:ffff::/33", [4]uint32{0x20010db8, 0x80000000}, [4]uint32{all, 0x80000000}},
		{"2001:db8::/64", [4]uint32{0x20010db8}, [4]uint32{all, all}},
		{"2001:db8::1/128", [4]uint32{0x20010db8, 0, 0, 1}, [4]uint32{all, all, all, all}},
		{"::ffff:192.0.2.0/120", with(mapped, 0xc0000200), [4]uint32{all, all, all, 0xffffff00}},
	}
	for _, tt := range tests {
		t.Run(tt.prefix, func(t *testing.T) {
			c := compileCIDR(netip.MustParsePrefix(tt.prefix))
			require.Equal(t, tt.address, numbers(c.Address))
			require.Equal(t, tt.mask, numbers(c.Mask))
		})
	}
}

// FuzzCompileCIDR compares the kernel side's way to match with package netip's.
func FuzzCompileCIDR(f *testing.F) {
	for _, seed := range []struct {
		prefix, address string
		bits            uint8
	}{
		{"10.0.0.0", "10.255.0.1", 8}, {"10.0.0.0", "11.0.0.1", 8}, {"0.0.0.0", "255.255.255.255", 0},
		{"::", "::1", 0}, {"::", "10.0.0.1", 0}, {"fe80::", "febf::1", 10}, {"2001:db8::1", "2001:db8::1", 128}, {"1.2.3.4", "1.2.3.5", 31},
	} {
		prefix, address := netip.MustParseAddr(seed.prefix), netip.MustParseAddr(seed.address)
		f.Add(prefix.AsSlice(), address.AsSlice(), seed.bits)
	}
	f.Fuzz(func(t *testing.T, network, host []byte, bits uint8) {
		n, ok := netip.AddrFromSlice(network)
		h, alright := netip.AddrFromSlice(host)
		if !ok || !alright || n.Is4In6() || h.Is4In6() {
			return
		}
		prefix := netip.PrefixFrom(n, int(bits))
		if !prefix.IsValid() {
			return
		}
		require.Equal(t, prefix.Contains(h), contains(compileCIDR(prefix), h), "%s in %s", h, prefix)
	})
}

// contains matches as cidr_contains in bpf/cidr.bpf.h does.
func contains(c tcpwhyCidr, a netip.Addr) bool {
	if a.Is4() && c.Mask[2] != math.MaxUint32 {
		return false
	}
	bytes := a.As16()
	for i := range c.Mask {
		if binary.NativeEndian.Uint32(bytes[4*i:])&c.Mask[i] != c.Address[i] {
			return false
		}
	}
	return true
}

func with(words [4]uint32, last uint32) [4]uint32 {
	words[3] = last
	return words
}

// numbers reads words of network order.
func numbers(words [4]uint32) [4]uint32 {
	for i, w := range words {
		words[i] = networkOrder(w) // its own inverse
	}
	return words
}
