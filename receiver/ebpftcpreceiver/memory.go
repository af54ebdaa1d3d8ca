// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"bufio"
	"fmt"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

const (
	// memoryShare is the part of memory that flows may take if max_flows does not say
	// how many there are: one of so many.
	memoryShare = 16
	// flowMemory is what a flow takes at most, in bytes: 2 KiB in the kernel in each of
	// two epochs while one of them is drained, 2.5 KiB in this process, and what an
	// export of it takes for the moment.
	flowMemory = 8 << 10
	// What max_flows is chosen between.
	leastFlows, mostFlows = 1024, 65536
)

// chooseFlows returns how many flows so many bytes of memory are good for.
func chooseFlows(memory uint64) int {
	return int(min(max(memory/memoryShare/flowMemory, leastFlows), mostFlows))
}

// readMemory returns how many bytes this process may use: those of the machine, or of
// the smallest limit of its cgroups. The kernel charges BPF maps to them as well. root is
// the root of the file system.
func readMemory(root fs.FS) (uint64, error) {
	memory, err := readTotal(root)
	if err != nil {
		return 0, fmt.Errorf("read memory of machine: %w", err)
	}
	groups, err := readGroups(root)
	if err != nil {
		return 0, fmt.Errorf("read cgroups: %w", err)
	}
	for _, group := range groups {
		memory = min(memory, group.limit(root))
	}
	return memory, nil
}

func readTotal(root fs.FS) (uint64, error) {
	raw, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0, err
	}
	var kibibytes uint64
	if _, err := fmt.Sscanf(string(raw), "MemTotal: %d kB", &kibibytes); err != nil {
		return 0, fmt.Errorf("parse MemTotal: %w", err)
	}
	return kibibytes << 10, nil
}

// A memoryGroup is where a cgroup and its parents may have limits of memory.
type memoryGroup struct {
	mount string // usual place of the hierarchy
	name  string // of the group, below it
	file  string
}

// readGroups tells this process's groups of both versions, wherever they are usually
// mounted. In a container the group is often the root of what is seen.
func readGroups(root fs.FS) (groups []memoryGroup, err error) {
	file, err := root.Open("proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		_, rest, _ := strings.Cut(lines.Text(), ":")
		controllers, name, _ := strings.Cut(rest, ":")
		switch {
		case controllers == "":
			for _, mount := range []string{"sys/fs/cgroup", "sys/fs/cgroup/unified"} {
				groups = append(groups, memoryGroup{mount, name, "memory.max"})
			}
		case strings.Contains(","+controllers+",", ",memory,"):
			groups = append(groups, memoryGroup{"sys/fs/cgroup/memory", name, "memory.limit_in_bytes"})
		}
	}
	return groups, lines.Err()
}

// limit returns the smallest one of the group and its parents in bytes, or the largest
// number if there is none.
func (g memoryGroup) limit(root fs.FS) uint64 {
	limit := uint64(math.MaxUint64)
	for name := path.Join("/", g.name); ; name = path.Dir(name) {
		raw, err := fs.ReadFile(root, path.Join(g.mount, name, g.file))
		if err == nil {
			if n, err := strconv.ParseUint(strings.TrimSpace(string(raw)), 10, 64); err == nil { // else "max"
				limit = min(limit, n)
			}
		}
		if name == "/" {
			return limit
		}
	}
}
