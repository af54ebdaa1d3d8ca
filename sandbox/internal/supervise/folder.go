// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/world"
)

// A folder is where a shop that runs keeps its files. One process holds it at a time.
type folder struct {
	path string
	lock *os.File
}

// Files in the folder.
const (
	ownedFile    = "owned.json"
	identityFile = "identities.yaml"
	logFile      = "shop.log"
	socketFile   = "control.sock"
	historyFile  = "history.json"
)

// truthFile is for what a fault does to packets on a node.
func truthFile(fault uint16, node string) string { return fmt.Sprintf("truth-%d-%s.csv", fault, node) }

// truths are the paths of all such files.
func (f *folder) truths() ([]string, error) {
	files, err := filepath.Glob(f.file("truth-*.csv"))
	if err != nil {
		return nil, fmt.Errorf("find truths: %w", err)
	}
	return files, nil
}

// forget removes what is told of the faults of another shop: the numbers of this one's
// begin at 1 again.
func (f *folder) forget() error {
	files, err := f.truths()
	errs := []error{err}
	for _, file := range append(files, f.file(historyFile)) {
		errs = append(errs, remove(file))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("open run folder: %w", err)
	}
	return nil
}

// cgroup is the name of the group that all of this process' shop are in. Another shop on
// the same machine, of another folder, has another one.
func cgroup() string { return fmt.Sprintf("tcpwhy-shop-%d", os.Getpid()) }

// owned is what a crash would leave behind.
type owned struct {
	PID     int
	Cgroups []string
}

var errHeld = errors.New("another shop is up, see sandbox status")

// openFolder takes the folder, after it has removed what a crash left.
func openFolder(path string) (*folder, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("open run folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open run folder: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("open run folder %s: %w", path, errHeld), lock.Close())
	}
	f := &folder{path, lock}
	if err := f.recover(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	cgroups, err := world.Cgroups(cgroup())
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return f, f.write(ownedFile, owned{os.Getpid(), cgroups})
}

// recover removes what was written down by a process that is not there any more, for else
// the folder would be locked.
func (f *folder) recover() error {
	raw, err := os.ReadFile(f.file(ownedFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var left owned
	if err == nil {
		err = json.Unmarshal(raw, &left)
	}
	if err != nil {
		return fmt.Errorf("read what is left: %w", err)
	}
	for _, group := range left.Cgroups {
		killAll(group)
	}
	return errors.Join(world.RemoveCgroups(left.Cgroups), os.Remove(f.file(ownedFile)), remove(f.file(socketFile)))
}

// killAll kills the processes of a cgroup and those below. The kernel has done so already
// with the process that started them; this is for the case that it has not.
func killAll(group string) {
	_ = filepath.WalkDir(group, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return nil
		}
		raw, _ := os.ReadFile(filepath.Join(path, "cgroup.procs"))
		for _, field := range strings.Fields(string(raw)) {
			if pid, err := strconv.Atoi(field); err == nil {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
		return nil
	})
	time.Sleep(10 * time.Millisecond)
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (f *folder) file(name string) string { return filepath.Join(f.path, name) }

func (f *folder) write(name string, content any) error {
	raw, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.WriteFile(f.file(name)+".new", raw, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return os.Rename(f.file(name)+".new", f.file(name))
}

// close gives the folder back. Nothing is owned any more.
func (f *folder) close() error {
	return errors.Join(remove(f.file(socketFile)), remove(f.file(ownedFile)), f.lock.Close())
}

// Recover removes what a shop left that has crashed.
func Recover(path string) error {
	f, err := openFolder(path)
	if err != nil {
		return err
	}
	return f.close()
}
