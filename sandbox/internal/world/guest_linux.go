// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// guestGroup is the cgroup of processes that are no part of the shop but must not outlive it.
const guestGroup = "guests"

// patience is how long guests may take to end when they are asked to.
const patience = 30 * time.Second

// Adopt moves a process into a cgroup of the shop's, but not where shares of CPU alone are
// given: there it would compete with pods, and not with the shop as any other process does.
// In cgroup v2, where all is one, it has a share as large as a node's.
func (w *World) Adopt(pid int) error {
	all := withoutCPU(w.hierarchies)
	return errors.Join(makeCgroup(all, guestGroup), moveTo(all, guestGroup, pid))
}

// endGuests asks all of them to end, and kills who has not in time.
func (w *World) endGuests(in time.Duration) {
	w.signalGuests(unix.SIGTERM)
	for until := time.Now().Add(in); len(w.guests()) > 0 && time.Now().Before(until); {
		time.Sleep(10 * time.Millisecond)
	}
	w.signalGuests(unix.SIGKILL)
}

func (w *World) signalGuests(signal unix.Signal) {
	for _, pid := range w.guests() {
		_ = unix.Kill(pid, signal)
	}
}

// guests are the numbers of the processes that are there.
func (w *World) guests() (pids []int) {
	for _, h := range withoutCPU(w.hierarchies) {
		raw, _ := os.ReadFile(filepath.Join(h.root, guestGroup, "cgroup.procs"))
		for _, field := range strings.Fields(string(raw)) {
			if pid, err := strconv.Atoi(field); err == nil && !slices.Contains(pids, pid) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
