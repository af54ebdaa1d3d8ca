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
	"sync"

	"golang.org/x/sys/unix"
)

// IsHostRoot reports whether path is the root of the host's hierarchy, rather than
// a part of it or the root that a cgroup namespace shows. The kernel numbers it 1.
func IsHostRoot(path string) bool {
	var st unix.Stat_t
	return unix.Stat(path, &st) == nil && st.Ino == 1
}

// Root finds where the cgroup v2 hierarchy is mounted, /sys/fs/cgroup on most
// machines, /sys/fs/cgroup/unified on hybrid ones. If it is nowhere, it is
// mounted detached, which needs CAP_SYS_ADMIN: visible to nobody, and gone with
// the process, which keeps it for the next time: it may not have the capability
// any more then.
func Root() (path string, err error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", fmt.Errorf("read mounts: %w", err)
	}
	defer f.Close()
	if path, err = findMount(f); path != "" || err != nil {
		return path, err
	}
	return own.root()
}

// own is this process's mount, if there is one.
var own mount

type mount struct {
	mu   sync.Mutex
	path string
}

func (m *mount) root() (path string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.path == "" {
		m.path, err = mountDetached()
	}
	return m.path, err
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

func mountDetached() (path string, err error) {
	fs, err := unix.Fsopen("cgroup2", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return "", mountError(err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return "", mountError(err)
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return "", mountError(err)
	}
	return fmt.Sprintf("/proc/self/fd/%d", fd), nil
}

func mountError(err error) error {
	if errors.Is(err, unix.EPERM) {
		return errors.New("it is mounted nowhere, and mounting it needs CAP_SYS_ADMIN")
	}
	return fmt.Errorf("mount cgroup2: %w", err)
}
