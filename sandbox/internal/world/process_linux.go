// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/line"
)

// A Process is one of this program's own, in a namespace and a cgroup.
type Process struct {
	cmd   *exec.Cmd
	group string
	in    io.WriteCloser
	out   *bufio.Reader
	mu    sync.Mutex // a question at a time
	began time.Time
	took  float64 // CPUs, until it was limited; 0 while it is not
}

// start runs this program with other arguments. It is killed when the thread ends.
func (n *Namespace) start(hierarchies []hierarchy, group string, log *os.File, args ...string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start process: %w", err)
	}
	if err := makeCgroup(hierarchies, group); err != nil {
		return nil, err
	}
	p := &Process{cmd: exec.Command(self, args...), group: group}
	p.cmd.Stderr = log
	p.cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=200")
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start process: %w", err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start process: %w", err)
	}
	p.out = bufio.NewReader(out)
	if err := n.Do(p.cmd.Start); err != nil {
		return nil, fmt.Errorf("start process: %w", err)
	}
	p.began = time.Now()
	// It does nothing before it is told to, so what it will do is done in the group.
	return p, moveTo(hierarchies, group, p.cmd.Process.Pid)
}

// PID is the process's.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// need returns the CPUs that the process took on average until it was limited.
func (p *Process) need(limited bool) (float64, error) {
	if !limited {
		p.took = 0
		return 0, nil
	}
	if p.took == 0 {
		var used unix.Timespec
		if err := unix.ClockGettime(processClock(p.PID()), &used); err != nil {
			return 0, fmt.Errorf("read what process %d took: %w", p.PID(), err)
		}
		p.took = time.Duration(used.Nano()).Seconds() / time.Since(p.began).Seconds()
	}
	return p.took, nil
}

// processClock is the clock of the CPU time of all threads of a process: clock_getcpuclockid(3).
func processClock(pid int) int32 {
	const scheduled = 2
	return int32(^pid<<3 | scheduled)
}

// Ask tells the process something and waits for what it says.
func Ask[Message, Reply any](p *Process, message Message) (Reply, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return line.Ask[Message, Reply](p.in, p.out, message)
}

// end ends the process's input, and so the process, or else kills it.
func (p *Process) end() {
	_ = p.in.Close()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}
