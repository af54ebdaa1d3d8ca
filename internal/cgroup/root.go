// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// A Mount is the root of the cgroup v2 hierarchy.
type Mount struct {
	path string
	own  int // descriptor of a mount of our own, or -1
}

// IsHostRoot reports whether path is the root of the host's hierarchy, rather than
// a part of it or the root that a cgroup namespace shows. The kernel numbers it 1.
func IsHostRoot(path string) bool {
	var st unix.Stat_t
	return unix.Stat(path, &st) == nil && st.Ino == 1
}

// Path is where the hierarchy can be opened; of a mount of our own it is valid
// in this process only, until Close.
func (m *Mount) Path() string { return m.path }

// Close gives back a mount of our own.
func (m *Mount) Close() error {
	if m.own < 0 {
		return nil
	}
	fd := m.own
	m.own = -1
	return unix.Close(fd)
}

// Root finds where the cgroup v2 hierarchy is mounted, /sys/fs/cgroup on most
// machines, /sys/fs/cgroup/unified on hybrid ones. If it is nowhere, it is
// mounted detached, which needs CAP_SYS_ADMIN: visible to nobody, and gone with
// the process.
func Root() (*Mount, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("read mounts: %w", err)
	}
	defer f.Close()
	path, err := findMount(f)
	if err != nil {
		return nil, err
	}
	if path != "" {
		return &Mount{path: path, own: -1}, nil
	}
	return mountDetached()
}

// maxMountLine bounds a line of mountinfo, bytes: an overlay of hundreds of
// layers lists them all.
const maxMountLine = 1 << 20

// findMount returns the mount point of the whole hierarchy: a bind mount of a
// part of it has another root than "/".
// https://docs.kernel.org/filesystems/proc.html#proc-pid-mountinfo
func findMount(mountinfo io.Reader) (string, error) {
	lines := bufio.NewScanner(mountinfo)
	lines.Buffer(nil, maxMountLine)
	for lines.Scan() {
		mount, super, ok := strings.Cut(lines.Text(), " - ")
		fields := strings.Fields(mount)
		if !ok || len(fields) < 5 || !strings.HasPrefix(super, "cgroup2 ") || fields[3] != "/" {
			continue
		}
		return unescape.Replace(fields[4]), nil
	}
	if err := lines.Err(); err != nil {
		return "", fmt.Errorf("read mounts: %w", err)
	}
	return "", nil
}

var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

func mountDetached() (*Mount, error) {
	fs, err := unix.Fsopen("cgroup2", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, mountError(err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, mountError(err)
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return nil, mountError(err)
	}
	return &Mount{path: fmt.Sprintf("/proc/self/fd/%d", fd), own: fd}, nil
}

func mountError(err error) error {
	if errors.Is(err, unix.EPERM) {
		return errors.New("it is mounted nowhere, and mounting it needs CAP_SYS_ADMIN")
	}
	return fmt.Errorf("mount cgroup2: %w", err)
}
