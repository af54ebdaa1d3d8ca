// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain is a node's process, too, or says how the first thread of one is scheduled.
func TestMain(m *testing.M) {
	switch append(os.Args, "", "")[1] {
	case "precede":
	case "node":
		if err := Main(os.Stdin, os.Stdout); err != nil {
			_, _ = os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		return
	default:
		os.Exit(m.Run())
	}
	err := precede()
	attr, got := unix.SchedGetAttr(os.Getpid(), 0)
	switch {
	case errors.Is(err, unix.EPERM):
		_, _ = os.Stdout.WriteString("refused")
	case errors.Join(err, got) == nil && attr.Policy == unix.SCHED_RR && attr.Priority == 1:
		_, _ = os.Stdout.WriteString("precedes")
	}
}

// TestPacketsPrecede has a process that gets the priority, or says that the kernel does
// not let it: without privilege, or in a cgroup without a share of real time.
func TestPacketsPrecede(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	said, err := exec.Command(self, "precede").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := "refused"
	if os.Geteuid() == 0 && inRootGroup(t) {
		want = "precedes"
	}
	if string(said) != want {
		t.Errorf("the process %s, want %s", said, want)
	}
}

// inRootGroup tells whether this process shares the CPU with the whole machine.
func inRootGroup(t *testing.T) bool {
	t.Helper()
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(groups)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if strings.Contains(","+fields[1]+",", ",cpu,") {
			return fields[2] == "/"
		}
	}
	return true
}
