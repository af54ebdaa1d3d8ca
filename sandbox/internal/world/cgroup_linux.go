// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// period is that of CPU quotas, in µs.
const period = 100_000

// A hierarchy is where cgroups can be made.
type hierarchy struct {
	root string // the group that all others are in
	cpu  bool   // its groups can be given a share of the CPU
}

// hierarchies are those in which the collector looks for containers, and that for CPU.
// The shop's group has that name in each of them.
func hierarchies(name string) (all []hierarchy, err error) {
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("find cgroups: %w", err)
	}
	defer func() { _ = mounts.Close() }()
	for lines := bufio.NewScanner(mounts); lines.Scan(); {
		place, source, _ := strings.Cut(lines.Text(), " - ")
		super, fields := strings.Fields(source), strings.Fields(place)
		if len(super) < 3 || len(fields) < 5 || fields[3] != "/" {
			continue
		}
		controllers := strings.Split(super[2], ",")
		switch cpu := slices.Contains(controllers, "cpu"); {
		case super[0] == "cgroup2":
			all = append(all, hierarchy{root: filepath.Join(fields[4], name)})
		case super[0] == "cgroup" && (cpu || slices.Contains(controllers, "pids") || slices.Contains(controllers, "memory")):
			all = append(all, hierarchy{root: filepath.Join(fields[4], name), cpu: cpu})
		}
	}
	if len(all) == 0 {
		return nil, errors.New("find cgroups: no hierarchy is mounted")
	}
	return all, nil
}

// Cgroups returns the path of a shop's group of that name in each hierarchy.
func Cgroups(name string) (paths []string, err error) {
	all, err := hierarchies(name)
	for _, h := range all {
		paths = append(paths, h.root)
	}
	return paths, err
}

// RemoveCgroups removes a shop's groups with all groups in them. Processes in them must
// have ended, or be on their way out.
func RemoveCgroups(paths []string) error {
	var errs []error
	for _, path := range paths {
		errs = append(errs, removeTree(path))
	}
	return errors.Join(errs...)
}

func removeTree(path string) error {
	var groups []string
	err := filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			groups = append(groups, path)
		}
		return nil
	})
	for _, group := range slices.Backward(groups) {
		for until := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			removed := os.Remove(group)
			if removed == nil || errors.Is(removed, fs.ErrNotExist) {
				break
			}
			if time.Now().After(until) {
				return fmt.Errorf("remove cgroup: %w", removed)
			}
		}
	}
	return err
}

// withoutCPU leaves out where shares of CPU are given. A node's own process is not there:
// the kernel refuses real-time priority to groups (RT_GROUP_SCHED).
func withoutCPU(all []hierarchy) []hierarchy {
	return slices.DeleteFunc(slices.Clone(all), func(h hierarchy) bool { return h.cpu })
}

// makeCgroup makes a group of that name in each hierarchy.
func makeCgroup(all []hierarchy, name string) error {
	for _, h := range all {
		if err := os.MkdirAll(filepath.Join(h.root, name), 0o755); err != nil {
			return fmt.Errorf("make cgroup: %w", err)
		}
	}
	return nil
}

func moveTo(all []hierarchy, name string, pid int) error {
	for _, h := range all {
		path := filepath.Join(h.root, name, "cgroup.procs")
		if err := os.WriteFile(path, []byte(strconv.Itoa(pid)), 0); err != nil {
			return fmt.Errorf("move process %d: %w", pid, err)
		}
	}
	return nil
}

// limitCPU gives a group a share of one CPU; 0 takes the limit away.
func limitCPU(all []hierarchy, name string, share float64) error {
	quota := -1
	if share > 0 {
		quota = int(share * period)
	}
	for _, h := range all {
		if !h.cpu {
			continue
		}
		path := filepath.Join(h.root, name)
		if err := os.WriteFile(filepath.Join(path, "cpu.cfs_quota_us"), []byte(strconv.Itoa(quota)), 0); err != nil {
			return fmt.Errorf("limit CPU: %w", err)
		}
		return nil
	}
	return errors.New("limit CPU: there is no hierarchy of cgroup v1 with the cpu controller")
}
