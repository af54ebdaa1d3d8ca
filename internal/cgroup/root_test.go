// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"strings"
	"testing"
)

func TestFindMount(t *testing.T) {
	const (
		v1     = "33 32 0:29 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
		hybrid = "42 32 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
		pure   = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
		bind   = "99 24 0:26 /kubepods /mnt/part rw - cgroup2 cgroup2 rw\n"
		space  = `77 24 0:26 / /mnt/a\040b rw - cgroup2 none rw` + "\n"
	)
	tests := []struct {
		name, mountinfo, want string
	}{
		{"pure v2", pure, "/sys/fs/cgroup"},
		{"hybrid", v1 + hybrid, "/sys/fs/cgroup/unified"},
		{"v1 only", v1, ""},
		{"a part of the hierarchy is passed over", bind + pure, "/sys/fs/cgroup"},
		{"escaped path", space, "/mnt/a b"},
		{"nothing", "", ""},
		{"torn line", "30 24\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := findMount(strings.NewReader(tt.mountinfo))
			if err != nil || got != tt.want {
				t.Errorf("findMount() = %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// TestFindMountAfterLongLine has one of an overlay with many layers, longer than
// bufio.Scanner takes by itself.
func TestFindMountAfterLongLine(t *testing.T) {
	overlay := "50 24 0:40 / /merged rw - overlay overlay rw,lowerdir=" + strings.Repeat("/layer:", 20_000) + "\n"
	got, err := findMount(strings.NewReader(overlay + "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"))
	if err != nil || got != "/sys/fs/cgroup" {
		t.Errorf("findMount() = %q, %v", got, err)
	}
}
