// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machine prints what the figures depend on.
func (b *bench) machine() error {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return fmt.Errorf("read kernel's name: %w", err)
	}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return fmt.Errorf("read system information: %w", err)
	}
	t := newTable("Machine")
	t.row("processor", processor())
	t.row("CPUs", fmt.Sprint(runtime.NumCPU()))
	t.row("memory", fmt.Sprintf("%.1f GiB", float64(info.Totalram)*float64(info.Unit)/(1<<30)))
	t.row("kernel", unix.ByteSliceToString(name.Release[:])+" "+unix.ByteSliceToString(name.Machine[:]))
	t.row("congestion control", setting("net/ipv4/tcp_congestion_control"))
	t.row("BPF JIT", setting("net/core/bpf_jit_enable"))
	t.row("BPF run statistics", statistics())
	t.row("Go", runtime.Version())
	return t.print(b.out)
}

// statistics says whether somebody keeps BPF run statistics: they cost each run
// of a program two readings of the clock, which is much of what it takes.
func statistics() string {
	if setting("kernel/bpf_stats_enabled") == "0" {
		return "off"
	}
	return "ON, which spoils throughput: sysctl kernel.bpf_stats_enabled=0"
}

func processor() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ":")
		if strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH // arm64 names no model
}

// setting reads a kernel parameter.
func setting(path string) string {
	raw, err := os.ReadFile("/proc/sys/" + path)
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(raw))
}
