// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"bufio"
	"errors"
	"slices"
	"strings"
	"testing"
)

// FuzzIdentify takes names as the kernel hands them out, one a line.
func FuzzIdentify(f *testing.F) {
	id := strings.Repeat("0123456789abcdef", 4)
	for _, seed := range []string{
		"", "nginx.service\nsystem.slice", id + "\ndocker", "docker-" + id + ".scope",
		"cri-containerd-" + id + ".scope\nkubepods-burstable-pod8d7dd7d8_5b2f_4c3e_9a7e_0123456789ab.slice",
		id + "\npod8d7dd7d8-5b2f-4c3e-9a7e-0123456789ab\nbesteffort\nkubepods", "crio-conmon-" + id + ".scope",
		"pod" + id[:32] + "\n" + id, "-\n--" + id, "\xff" + id,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, lines string) {
		names := strings.Split(lines, "\n")
		container, pod := Identify(names)
		if !valid(container, 64) || !occurs(container, names) {
			t.Errorf("Identify(%q): container %q", names, container)
		}
		if !valid(strings.ReplaceAll(pod, "-", ""), 32) || !occurs(pod, names) {
			t.Errorf("Identify(%q): pod %q", names, pod)
		}
		outer := append(names, strings.Repeat("f", 64), "pod"+strings.Repeat("f", 32))
		if c, p := Identify(outer); (container != "" && c != container) || (pod != "" && p != pod) {
			t.Errorf("Identify(%q) = %q, %q: an outer name counts more than an inner one", outer, c, p)
		}
	})
}

// FuzzFindMount takes any text for the kernel's list of mounts.
func FuzzFindMount(f *testing.F) {
	for _, seed := range []string{
		"", "30 24\n", " - cgroup2 ", "1 2 3 / - cgroup2 x", "a b c / /mnt\\040x - cgroup2 \n",
		"33 32 0:29 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n42 32 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
		"99 24 0:26 /kubepods /mnt/part rw - cgroup2 cgroup2 rw\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, mountinfo string) {
		path, err := findMount(strings.NewReader(mountinfo))
		if err != nil && !errors.Is(err, bufio.ErrTooLong) {
			t.Error(err)
		}
		if path == "" {
			return
		}
		if strings.ContainsAny(path, "\n") && !strings.Contains(mountinfo, `\012`) {
			t.Errorf("findMount(%q) = %q, of two lines", mountinfo, path)
		}
		if !strings.Contains(mountinfo, " - cgroup2 ") || !strings.Contains(unescape.Replace(mountinfo), path) {
			t.Errorf("findMount(%q) = %q, which is not there", mountinfo, path)
		}
	})
}

// valid reports whether an id is empty or has n hexadecimal digits.
func valid(id string, n int) bool {
	return id == "" || len(id) == n && strings.Trim(id, "0123456789abcdef") == ""
}

// occurs reports whether a name contains s; to systemd's names _ is -.
func occurs(s string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return strings.Contains(strings.ReplaceAll(name, "_", "-"), s)
	})
}
