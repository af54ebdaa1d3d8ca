// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/tcpbpf"
)

// defaults are the receiver's defaults, where nobody translates addresses.
var defaults = tcpbpf.Config{Granularity: tcpbpf.GranularityEndpoint, MaxFlows: 65536, MaskPublic: true, Apart: true}

// everything is that with all that may be switched on: events, and a host that translates
// addresses, so that each connection's peer is looked up.
func everything() tcpbpf.Config {
	cfg := defaults
	cfg.EventLimits = [flow.NumEventKinds]int{100, 100}
	cfg.Virtual = []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:1")}
	return cfg
}

// A kernel is the attached kernel side.
type kernel struct{ *tcpbpf.Kernel }

// attached calls fn with the kernel side attached.
func attached(cfg tcpbpf.Config, fn func(kernel) error) (err error) {
	k, err := tcpbpf.Open(cfg)
	if err != nil {
		return fmt.Errorf("attach: %w", err)
	}
	defer func() {
		if e := k.Close(); err == nil && e != nil {
			err = fmt.Errorf("detach: %w", e)
		}
	}()
	return fn(kernel{k})
}

// collect ends an interval and returns the number of its flows.
func (k kernel) collect() (flows int, err error) {
	_, err = k.Collect(context.Background(), func(*flow.Delta) { flows++ })
	if err != nil {
		return 0, fmt.Errorf("collect: %w", err)
	}
	return flows, nil
}

// discard ends an interval.
func (k kernel) discard() error {
	_, err := k.collect()
	return err
}

// program returns the statistics of one program.
func (k kernel) program(name string) (tcpbpf.ProgramStatistics, error) {
	all, err := k.Programs()
	if err != nil {
		return tcpbpf.ProgramStatistics{}, err
	}
	for _, p := range all {
		if p.Name == name {
			return p, nil
		}
	}
	return tcpbpf.ProgramStatistics{}, fmt.Errorf("find program %q: there is none", name)
}

// mapStatistics returns those of one map.
func (k kernel) mapStatistics(name string) (tcpbpf.MapStatistics, error) {
	all, err := k.Maps()
	if err != nil {
		return tcpbpf.MapStatistics{}, err
	}
	for _, m := range all {
		if m.Name == name {
			return m, nil
		}
	}
	return tcpbpf.MapStatistics{}, fmt.Errorf("find map %q: there is none", name)
}
