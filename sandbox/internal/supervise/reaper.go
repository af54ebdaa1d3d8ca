// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// A reaper is a process that waits for its parent's end, however that comes, and removes
// what a crash leaves. It is of a session of its own, so that no Ctrl-C reaches it.
type reaper struct {
	cmd  *exec.Cmd
	hold io.Closer // the end of a pipe that only the parent has
}

// startReaper runs this program with other arguments.
func startReaper(folder string) (*reaper, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start reaper: %w", err)
	}
	r := &reaper{cmd: exec.Command(self, "reap", "--run", folder)}
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if r.hold, err = r.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start reaper: %w", err)
	}
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start reaper: %w", err)
	}
	return r, nil
}

// stop ends it when there is nothing left to remove.
func (r *reaper) stop() error {
	if r == nil {
		return nil
	}
	return errors.Join(r.hold.Close(), r.cmd.Wait())
}

// patience is how long a reaper waits for the folder.
const patience = 5 * time.Second

// Reap is the reaper's process: it waits for its input to end, and removes what is left
// then. A parent that is being killed may hold the folder a little longer than the input.
// Whoever else holds it has removed everything already.
func Reap(in io.Reader, folder string) error {
	if _, err := io.Copy(io.Discard, in); err != nil {
		return fmt.Errorf("wait for parent: %w", err)
	}
	for until := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err := Recover(folder)
		if !errors.Is(err, errHeld) {
			return err
		}
		if time.Now().After(until) {
			return nil
		}
	}
}
