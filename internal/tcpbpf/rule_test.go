// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCompileRules(t *testing.T) {
	table, globs, err := compileRules(Config{
		Include: []Rule{
			{Ports: []uint16{80, 443}},
			{CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Processes: []string{"nginx", "php*"}},
		},
		Exclude: []Rule{{}, {}, {Processes: []string{strings.Repeat("?", MaxProcessLen)}}},
	})
	require.NoError(t, err)
	include, exclude := table[0], table[1]

	require.Equal(t, []uint16{80, 443}, include[0].Ports[:include[0].N_ports])
	require.Zero(t, include[0].N_cidrs)
	require.Zero(t, include[0].HasGlobs)
	require.EqualValues(t, 1, include[1].N_cidrs)
	require.Equal(t, compileCIDR(netip.MustParsePrefix("10.0.0.0/8")), tcpwhyCidr(include[1].Cidrs[0]))
	require.EqualValues(t, 1, include[1].HasGlobs)
	require.Equal(t, tcpwhyRule{}, exclude[0], "an empty rule matches all")
	require.EqualValues(t, 1, exclude[2].HasGlobs)

	type glob struct {
		pattern    string
		list, rule uint8
	}
	var have []glob
	for _, g := range globs {
		have = append(have, glob{text(g.Pattern[:]), g.List, g.Rule})
	}
	require.Equal(t, []glob{
		{"nginx", 0, 1}, {"php*", 0, 1}, {strings.Repeat("?", MaxProcessLen), 1, 2},
	}, have)
	padded := padGlobs(globs)
	require.Equal(t, globs, padded[:3])
	require.Equal(t, tcpwhyGlob{}, padded[3])
}

func TestTooManyRules(t *testing.T) {
	cidr := netip.MustParsePrefix("10.0.0.0/8")
	tests := []struct {
		name     string
		most     Config
		tooMany  Config
		sentence string
	}{
		{
			"rules",
			Config{Include: make([]Rule, 16), Exclude: make([]Rule, 16)},
			Config{Exclude: make([]Rule, 17)},
			"compile rules: 17 in a list, at most 16",
		},
		{
			"CIDRs",
			Config{Include: []Rule{{CIDRs: slices.Repeat([]netip.Prefix{cidr}, 8)}}},
			Config{Include: []Rule{{CIDRs: slices.Repeat([]netip.Prefix{cidr}, 9)}}},
			"compile rule: 9 CIDRs, at most 8",
		},
		{
			"ports",
			Config{Include: []Rule{{Ports: make([]uint16, 8)}}},
			Config{Include: []Rule{{Ports: make([]uint16, 9)}}},
			"compile rule: 9 ports, at most 8",
		},
		{
			"processes",
			Config{Include: []Rule{{Processes: make([]string, 60)}}, Exclude: []Rule{{Processes: make([]string, 4)}}},
			Config{Include: []Rule{{Processes: make([]string, 60)}}, Exclude: []Rule{{Processes: make([]string, 5)}}},
			"compile processes: 65 in all rules, at most 64",
		},
		{
			"a long process",
			Config{Include: []Rule{{Processes: []string{strings.Repeat("a", 32)}}}},
			Config{Include: []Rule{{Processes: []string{strings.Repeat("a", 33)}}}},
			`compile process "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": 33 bytes, at most 32`,
		},
		{
			"cluster CIDRs",
			Config{ClusterCIDRs: slices.Repeat([]netip.Prefix{cidr}, 16)},
			Config{ClusterCIDRs: slices.Repeat([]netip.Prefix{cidr}, 17)},
			"compile cluster CIDRs: 17 given, at most 16",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.NoError(t, compile(t, tt.most))
			require.EqualError(t, compile(t, tt.tooMany), tt.sentence)
		})
	}
}

// compile sets the knobs of a configuration, without loading anything.
func compile(t *testing.T, cfg Config) error {
	spec, err := loadTcpwhy()
	require.NoError(t, err)
	var variables tcpwhyVariableSpecs
	require.NoError(t, spec.Assign(&variables))
	return setKnobs(&variables, cfg, 0)
}
