// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build amd64 || arm64

package ebpftcpreceiver

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/tcpbpf"
)

var granularityValues = map[Granularity]tcpbpf.Granularity{
	GranularityConnection: tcpbpf.GranularityConnection,
	GranularityEndpoint:   tcpbpf.GranularityEndpoint,
	GranularityPeer:       tcpbpf.GranularityPeer,
}

func openBPF(cfg *Config) (kernel, error) {
	k, err := tcpbpf.Open(tcpbpf.Config{
		Cgroup:       cfg.Cgroup,
		Granularity:  granularityValues[cfg.Granularity],
		MaxFlows:     cfg.MaxFlows,
		EventLimits:  cfg.Events.limits(),
		MaskPublic:   cfg.RemoteAddresses == RemoteAddressesPrivate,
		ClusterCIDRs: cfg.ClusterCIDRs,
		Include:      bpfRules(cfg.Include),
		Exclude:      bpfRules(cfg.Exclude),
	})
	if err != nil {
		return nil, err // not k: an interface that holds nil is not nil
	}
	return bpfKernel{k}, nil
}

// A bpfKernel says what the kernel side knows of itself in the receiver's words.
type bpfKernel struct{ *tcpbpf.Kernel }

func (k bpfKernel) Vitals() (v vitals, err error) {
	for _, h := range k.Hooks() {
		v.hooks = append(v.hooks, hook{job: h.Job, name: h.Name})
	}
	for _, f := range k.Fills() {
		v.fills = append(v.fills, fill{name: f.Map, entries: f.Entries, limit: f.Limit})
	}
	programs, err := k.Programs()
	if err != nil {
		return v, err
	}
	for _, p := range programs {
		v.programs = append(v.programs, program{name: p.Name, runs: p.Runs, skipped: p.Skipped, time: p.Time})
	}
	counts, err := k.Counts()
	v.excluded, v.collisions = counts.Excluded, counts.Collisions
	return v, err
}

func (k bpfKernel) Events() (eventReader, error) {
	e, err := k.Kernel.Events()
	if err != nil {
		return nil, err // not e: an interface that holds nil is not nil
	}
	return e, nil
}

func bpfRules(configs []RuleConfig) []tcpbpf.Rule {
	rules := make([]tcpbpf.Rule, len(configs))
	for i, cfg := range configs {
		rules[i] = tcpbpf.Rule{CIDRs: cfg.CIDRs, Processes: cfg.Processes}
		for _, port := range cfg.Ports {
			rules[i].Ports = append(rules[i].Ports, uint16(port))
		}
	}
	return rules
}

// now reads both clocks.
func now() flow.Instant {
	var boot unix.Timespec
	// CLOCK_MONOTONIC is there on every Linux. If it were not, flows would start
	// with the interval that saw them.
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &boot)
	return flow.Instant{Wall: uint64(time.Now().UnixNano()), Boot: uint64(boot.Nano())}
}
