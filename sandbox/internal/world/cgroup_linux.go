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

// root is the name of the cgroup that all others are in, in each hierarchy.
const root = "tcpwhy-shop"

// period is that of CPU quotas, in µs.
const period = 100_000

// A Hierarchy is where cgroups can be made.
type Hierarchy struct {
	Mount string
	CPU   bool // its groups can be given a share of the CPU
}

// hierarchies are those in which the collector looks for containers, and that for CPU.
func hierarchies() (all []Hierarchy, err error) {
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
			all = append(all, Hierarchy{Mount: fields[4]})
		case super[0] == "cgroup" && (cpu || slices.Contains(controllers, "pids") || slices.Contains(controllers, "memory")):
			all = append(all, Hierarchy{Mount: fields[4], CPU: cpu})
		}
	}
	if len(all) == 0 {
		return nil, errors.New("find cgroups: no hierarchy is mounted")
	}
	return all, nil
}

// Cgroups returns the path of the shop's group in each hierarchy.
func Cgroups() (paths []string, err error) {
	all, err := hierarchies()
	for _, h := range all {
		paths = append(paths, filepath.Join(h.Mount, root))
	}
	return paths, err
}

// RemoveCgroups removes the shop's groups with all groups in them. Processes in them must
// have ended, or be on their way out.
func RemoveCgroups() error {
	paths, err := Cgroups()
	if err != nil {
		return err
	}
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

// makeCgroup makes a group of that name in each hierarchy.
func makeCgroup(all []Hierarchy, name string) error {
	for _, h := range all {
		if err := os.MkdirAll(filepath.Join(h.Mount, root, name), 0o755); err != nil {
			return fmt.Errorf("make cgroup: %w", err)
		}
	}
	return nil
}

func moveTo(all []Hierarchy, name string, pid int) error {
	for _, h := range all {
		path := filepath.Join(h.Mount, root, name, "cgroup.procs")
		if err := os.WriteFile(path, []byte(strconv.Itoa(pid)), 0); err != nil {
			return fmt.Errorf("move process %d: %w", pid, err)
		}
	}
	return nil
}

// limitCPU gives a group a share of one CPU; 0 takes the limit away.
func limitCPU(all []Hierarchy, name string, share float64) error {
	quota := -1
	if share > 0 {
		quota = int(share * period)
	}
	for _, h := range all {
		if !h.CPU {
			continue
		}
		path := filepath.Join(h.Mount, root, name)
		if err := os.WriteFile(filepath.Join(path, "cpu.cfs_quota_us"), []byte(strconv.Itoa(quota)), 0); err != nil {
			return fmt.Errorf("limit CPU: %w", err)
		}
		return nil
	}
	return errors.New("limit CPU: there is no hierarchy of cgroup v1 with the cpu controller")
}
