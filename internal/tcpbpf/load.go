// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
)

// load makes the maps and programs; nothing runs yet.
func load(cfg Config, root uint64, p plan) (*objects, error) {
	// Kernels before 5.11 count BPF memory against a limit that newer ones
	// ignore and that an unprivileged process may not raise.
	_ = rlimit.RemoveMemlock()

	spec, err := configure(cfg, root)
	if err != nil {
		return nil, err
	}
	if cfg.tamper != nil {
		cfg.tamper(spec)
	}
	return create(spec, p)
}

// configure returns the embedded maps and programs, as they are to be created. root is
// the observed cgroup, see setKnobs.
func configure(cfg Config, root uint64) (*ebpf.CollectionSpec, error) {
	spec, err := loadTcpwhy()
	if err != nil {
		return nil, fmt.Errorf("read embedded object: %w", err)
	}
	var variables tcpwhyVariableSpecs
	if err := spec.Assign(&variables); err != nil {
		return nil, fmt.Errorf("find knobs: %w", err)
	}
	if err := setKnobs(&variables, cfg, root); err != nil {
		return nil, err
	}
	spec.Maps["flows_even"].MaxEntries = uint32(cfg.MaxFlows)
	spec.Maps["flows_odd"].MaxEntries = uint32(cfg.MaxFlows)
	spec.Maps["owners"].MaxEntries = uint32(max(cfg.MaxFlows, minOwners))
	if cfg.Apart {
		spec.Maps["ends"].MaxEntries = maxEnds
		spec.Maps["homes"].MaxEntries = maxSerials
	}
	spec.Maps[mapEvents].MaxEntries = eventBuffer(cfg.EventLimits)
	return spec, nil
}
