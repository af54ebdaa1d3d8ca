// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// precede lets all threads of this process run before those of others, as packets cross a
// real network whatever the machines at its ends compute: with the priority of the others
// a full machine delays by milliseconds what a fault only doubles. New threads inherit it.
func precede() error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("list threads: %w", err)
	}
	for _, entry := range threads {
		thread, err := strconv.Atoi(entry.Name())
		if err != nil {
			return fmt.Errorf("list threads: %w", err)
		}
		attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 1}
		if err := unix.SchedSetAttr(thread, &attr, 0); err != nil && err != unix.ESRCH {
			return fmt.Errorf("give thread %d a real-time priority: %w", thread, err)
		}
	}
	return nil
}
