// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// chooseCPUs returns the CPUs for the two ends: the last two that we may use,
// because interrupts tend to go to the first.
func chooseCPUs() (cpus [2]int, err error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return cpus, fmt.Errorf("read CPU set: %w", err)
	}
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			cpus[0], cpus[1] = cpus[1], cpu
		}
	}
	if set.Count() == 1 {
		cpus[0] = cpus[1]
	}
	return cpus, nil
}

// pin keeps the calling thread on one CPU.
func pin(cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("pin to CPU %d: %w", cpu, err)
	}
	return nil
}

// realtime keeps ordinary threads from taking the CPU away from the calling one.
func realtime() error {
	attr := unix.SchedAttr{Policy: unix.SCHED_FIFO, Flags: unix.SCHED_FLAG_RESET_ON_FORK, Priority: 1}
	if err := unix.SchedSetAttr(0, &attr, 0); err != nil {
		return fmt.Errorf("schedule by SCHED_FIFO: %w", err)
	}
	return nil
}
