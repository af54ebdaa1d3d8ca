// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// period is that of CPU quotas, in µs, where the quota is not smaller then than the kernel
// takes it (min_cfs_quota_period and max_cfs_quota_period in kernel/sched/core.c).
const period, smallestQuota, longestPeriod = 100_000, 1_000, 1_000_000

// A hierarchy is where cgroups can be made.
type hierarchy struct {
	root    string // the group that all others are in
	unified bool   // cgroup v2
	cpu     bool   // its groups can be given a share of the CPU
}

// hierarchies are those in which the collector looks for containers, and that for CPU.
// The shop's group has that name in each of them.
func hierarchies(name string) (all []hierarchy, err error) {
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("find cgroups: %w", err)
	}
	defer func() { _ = mounts.Close() }()
	return parseMounts(mounts, name)
}

func parseMounts(mounts io.Reader, name string) (all []hierarchy, err error) {
	lines := bufio.NewScanner(mounts)
	for lines.Scan() {
		place, source, _ := strings.Cut(lines.Text(), " - ")
		super, fields := strings.Fields(source), strings.Fields(place)
		if len(super) < 3 || len(fields) < 5 || fields[3] != "/" {
			continue
		}
		controllers := strings.Split(super[2], ",")
		switch cpu := slices.Contains(controllers, "cpu"); {
		case super[0] == "cgroup2":
			all = append(all, hierarchy{root: filepath.Join(fields[4], name), unified: true, cpu: givesCPU(fields[4])})
		case super[0] == "cgroup" && (cpu || slices.Contains(controllers, "pids") || slices.Contains(controllers, "memory")):
			all = append(all, hierarchy{root: filepath.Join(fields[4], name), cpu: cpu})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("find cgroups: %w", err)
	}
	if len(all) == 0 {
		return nil, errors.New("find cgroups: no hierarchy is mounted")
	}
	return all, nil
}

// givesCPU tells whether groups below one of cgroup v2 can be given shares of the CPU: it
// has the controller, and hands it on or can. One with processes in it cannot, unless it is
// the machine's first, which alone has no type.
func givesCPU(group string) bool {
	has := func(file string) bool {
		raw, _ := os.ReadFile(filepath.Join(group, file))
		return slices.Contains(strings.Fields(string(raw)), "cpu")
	}
	if has("cgroup.subtree_control") {
		return true
	}
	_, err := os.Stat(filepath.Join(group, "cgroup.type"))
	procs, _ := os.ReadFile(filepath.Join(group, "cgroup.procs"))
	return has("cgroup.controllers") && (errors.Is(err, fs.ErrNotExist) || len(procs) == 0)
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

// withoutCPU leaves out where shares of CPU alone are given, of cgroup v1. A node's own
// process is not there: the kernel refuses real-time priority to groups (RT_GROUP_SCHED).
func withoutCPU(all []hierarchy) []hierarchy {
	return slices.DeleteFunc(slices.Clone(all), func(h hierarchy) bool { return h.cpu && !h.unified })
}

// makeCgroup makes a group of that name in each hierarchy. In cgroup v2 all groups above it
// hand the CPU on, so none of them may have processes of its own.
func makeCgroup(all []hierarchy, name string) error {
	for _, h := range all {
		path := filepath.Join(h.root, name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return fmt.Errorf("make cgroup: %w", err)
		}
		if h.unified && h.cpu {
			if err := handOn(filepath.Dir(h.root), name, filepath.Base(h.root)); err != nil {
				return err
			}
		}
	}
	return nil
}

// handOn gives the controller of the CPU to what is below a group, and so on to the parent
// of the one that is named.
func handOn(group, name, below string) error {
	for _, part := range append([]string{"", below}, strings.Split(filepath.Dir(name), "/")...) {
		group = filepath.Join(group, part)
		if err := write(filepath.Join(group, "cgroup.subtree_control"), "+cpu"); err != nil {
			return fmt.Errorf("make cgroup: hand the CPU on: %w", err)
		}
	}
	return nil
}

// write writes to a file of the kernel's, which is there.
func write(path, content string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(content)
	return errors.Join(err, file.Close())
}

func moveTo(all []hierarchy, name string, pid int) error {
	for _, h := range all {
		if err := write(filepath.Join(h.root, name, "cgroup.procs"), strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("move process %d: %w", pid, err)
		}
	}
	return nil
}

// errNoCPU is for machines on which no pod can be starved.
var errNoCPU = errors.New("limit CPU: no hierarchy of cgroups hands on the cpu controller: " +
	"mount that of cgroup v1, or have cgroup v2 hand it on (cpu in cgroup.subtree_control of its root)")

// canLimitCPU tells whether any hierarchy can.
func canLimitCPU(all []hierarchy) error {
	if !slices.ContainsFunc(all, func(h hierarchy) bool { return h.cpu }) {
		return errNoCPU
	}
	return nil
}

// limitCPU gives a group a share of one CPU; 0 takes the limit away, which there is none of
// where CPUs cannot be shared.
func limitCPU(all []hierarchy, name string, share float64) error {
	for _, h := range all {
		if !h.cpu {
			continue
		}
		for _, s := range h.quota(share) {
			if err := write(filepath.Join(h.root, name, s.file), s.content); err != nil {
				return fmt.Errorf("limit CPU: %w", err)
			}
		}
		return nil
	}
	if share == 0 {
		return nil
	}
	return errNoCPU
}

// A setting is what has to be written to a file of a group.
type setting struct{ file, content string }

// quota is what has to be written for a share of one CPU, in that order: 0 is no limit.
func (h hierarchy) quota(share float64) []setting {
	most, each := "max", period
	if !h.unified {
		most = "-1"
	}
	if share > 0 {
		each = int(min(max(smallestQuota/share, period), longestPeriod))
		most = strconv.Itoa(max(int(share*float64(each)), smallestQuota))
	}
	if h.unified {
		return []setting{{"cpu.max", most + " " + strconv.Itoa(each)}}
	}
	return []setting{{"cpu.cfs_quota_us", "-1"}, {"cpu.cfs_period_us", strconv.Itoa(each)}, {"cpu.cfs_quota_us", most}}
}
