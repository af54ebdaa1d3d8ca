// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// A Usage is what some processes took.
type Usage struct {
	CPU    float64 `json:"cpu"`            // CPUs, on average
	Memory int64   `json:"memory"`         // bytes at the end; what processes share is counted once
	Peak   int64   `json:"peak,omitempty"` // bytes, resident, of a single process
}

// A Load is what a drill took of the machine. Work that the kernel does for the collector
// while a pod sends or receives, its eBPF programs, is in the pods' share.
type Load struct {
	Collector Usage   `json:"collector"`
	Shop      Usage   `json:"shop"`    // pods and nodes
	Busy      float64 `json:"busy"`    // CPUs of the machine that were not idle, whoever it was
	CPUs      int     `json:"cpus"`    // that it has
	Seconds   float64 `json:"seconds"` // measured
}

// Share is the collector's part of what it and the shop took.
func (l Load) Share() (cpu, memory float64) {
	return part(l.Collector.CPU, l.Shop.CPU), part(float64(l.Collector.Memory), float64(l.Shop.Memory))
}

func part(a, b float64) float64 {
	if a+b == 0 {
		return 0
	}
	return a / (a + b)
}

// String tells it in a sentence.
func (l Load) String() string {
	if l.Seconds == 0 {
		return "What the shop took was not measured."
	}
	cpu, memory := l.Share()
	return fmt.Sprintf("The collector took %.2f CPUs and %d MiB (at most %d), the shop %.2f CPUs and %d MiB: %.0f %% and %.0f %% are the collector's. Of %d CPUs %.2f were busy.",
		l.Collector.CPU, l.Collector.Memory>>20, l.Collector.Peak>>20, l.Shop.CPU, l.Shop.Memory>>20, 100*cpu, 100*memory, l.CPUs, l.Busy)
}

// A meter measures from its start on.
type meter struct {
	collector, shop []int // process numbers
	began           time.Time
	before          times
}

// times are those that were used until one moment.
type times struct{ collector, shop, busy time.Duration }

func startMeter(collector int, shop []int) (m *meter, err error) {
	m = &meter{collector: []int{collector}, shop: shop, began: time.Now()}
	m.before, err = m.read()
	return m, err
}

func (m *meter) read() (now times, err error) {
	if now.collector, err = used(m.collector); err != nil {
		return now, err
	}
	if now.shop, err = used(m.shop); err != nil {
		return now, err
	}
	now.busy, _, err = busy()
	return now, err
}

func (m *meter) stop() (l Load, err error) {
	now, err := m.read()
	if err != nil {
		return l, err
	}
	l.Seconds = time.Since(m.began).Seconds()
	l.Collector.CPU = (now.collector - m.before.collector).Seconds() / l.Seconds
	l.Shop.CPU = (now.shop - m.before.shop).Seconds() / l.Seconds
	l.Busy = (now.busy - m.before.busy).Seconds() / l.Seconds
	if _, l.CPUs, err = busy(); err != nil {
		return l, err
	}
	if l.Collector.Memory, err = memory(m.collector, "smaps_rollup", "Pss:"); err != nil {
		return l, err
	}
	if l.Collector.Peak, err = memory(m.collector, "status", "VmHWM:"); err != nil {
		return l, err
	}
	l.Shop.Memory, err = memory(m.shop, "smaps_rollup", "Pss:")
	return l, err
}

// tick is the kernel's unit of processes' time in /proc.
const tick = 10 * time.Millisecond

// used is the time that processes have used so far.
func used(pids []int) (sum time.Duration, err error) {
	for _, pid := range pids {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, fmt.Errorf("read usage: %w", err)
		}
		ticks, err := parseStat(string(raw))
		if err != nil {
			return 0, fmt.Errorf("read usage of process %d: %w", pid, err)
		}
		sum += time.Duration(ticks) * tick
	}
	return sum, nil
}

// parseStat adds up utime and stime. The name before them may have spaces and brackets.
func parseStat(raw string) (ticks int64, err error) {
	fields := strings.Fields(raw[strings.LastIndexByte(raw, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("%d fields are fewer than 13", len(fields))
	}
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return ticks, nil
}

// memory adds up a line of a file of each process, in bytes.
func memory(pids []int, file, key string) (sum int64, err error) {
	for _, pid := range pids {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
		if err != nil {
			return 0, fmt.Errorf("read memory: %w", err)
		}
		_, rest, ok := bytes.Cut(raw, []byte(key))
		fields := bytes.Fields(rest)
		if !ok || len(fields) == 0 {
			return 0, fmt.Errorf("read memory of process %d: there is no %s", pid, key)
		}
		kb, err := strconv.ParseInt(string(fields[0]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read memory: %w", err)
		}
		sum += kb << 10
	}
	return sum, nil
}

// busy is for how long the machine's CPUs were not idle, and how many they are.
func busy() (sum time.Duration, cpus int, err error) {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, fmt.Errorf("read usage: %w", err)
	}
	return parseMachine(string(raw))
}

func parseMachine(raw string) (sum time.Duration, cpus int, err error) {
	for line := range strings.Lines(raw) {
		fields := strings.Fields(line)
		switch {
		case len(fields) < 9 || !strings.HasPrefix(fields[0], "cpu"):
		case fields[0] != "cpu":
			cpus++
		default: // user, nice, system, idle, iowait, irq, softirq, steal; guests are in user
			for i, field := range fields[1:9] {
				n, err := strconv.ParseInt(field, 10, 64)
				if err != nil {
					return 0, 0, fmt.Errorf("read usage: %w", err)
				}
				if i != 3 && i != 4 {
					sum += time.Duration(n) * tick
				}
			}
		}
	}
	return sum, cpus, nil
}
