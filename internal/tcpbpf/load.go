// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
)

// load makes the maps and programs; nothing runs yet.
func load(cfg Config, root uint64) (*tcpwhyObjects, error) {
	// Kernels before 5.11 count BPF memory against a limit that newer ones
	// ignore and that an unprivileged process may not raise.
	_ = rlimit.RemoveMemlock()

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
	objects := new(tcpwhyObjects)
	if err := spec.LoadAndAssign(objects, nil); err != nil {
		return nil, loadError(err)
	}
	return objects, nil
}

// loadError keeps the sentence short: the verifier's whole log is in the error
// for those who ask for it with %+v.
func loadError(err error) error {
	var ve *ebpf.VerifierError
	if errors.As(err, &ve) {
		return fmt.Errorf("load programs: rejected by the kernel's verifier: %w", err)
	}
	return fmt.Errorf("load programs: %w", err)
}
