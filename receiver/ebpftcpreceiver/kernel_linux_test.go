// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build amd64 || arm64

package ebpftcpreceiver

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/tcpbpf"
)

func TestLimitsAreTheKernelSides(t *testing.T) {
	assert.Equal(t, tcpbpf.MaxRules, maxRules)
	assert.Equal(t, tcpbpf.MaxRuleCIDRs, maxRuleValues)
	assert.Equal(t, tcpbpf.MaxRulePorts, maxRuleValues)
	assert.Equal(t, tcpbpf.MaxProcesses, maxGlobs)
	assert.Equal(t, tcpbpf.MaxProcessLen, maxGlobLength)
	assert.Equal(t, tcpbpf.MaxClusterCIDRs, maxClusterCIDRs)
	assert.Equal(t, tcpbpf.MaxEventLimit, maxEventsPerSecond)
}

func TestEveryGranularityIsKnownToTheKernelSide(t *testing.T) {
	for _, granularity := range granularities {
		assert.Contains(t, granularityValues, granularity)
	}
}

func TestRulesReachTheKernelSide(t *testing.T) {
	cidrs := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	got := bpfRules([]RuleConfig{{CIDRs: cidrs}, {Ports: []int{1, 65535}, Processes: []string{"nginx"}}})
	assert.Equal(t, []tcpbpf.Rule{
		{CIDRs: cidrs},
		{Ports: []uint16{1, 65535}, Processes: []string{"nginx"}},
	}, got)
}

func TestNowReadsTheKernelsClocks(t *testing.T) {
	var before, after unix.Timespec
	assert.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &before))
	instant := now()
	assert.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &after))
	assert.LessOrEqual(t, uint64(before.Nano()), instant.Boot)
	assert.LessOrEqual(t, instant.Boot, uint64(after.Nano()))
	assert.NotZero(t, instant.Wall)
}
