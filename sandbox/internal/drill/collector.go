// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

//go:embed collector.yaml
var collectorConfig []byte

// ready is what a collector logs when it has started.
const ready = "Everything is ready"

// A collector is one that runs.
type collector struct {
	cmd  *exec.Cmd
	gone chan struct{} // closed when it has ended
	err  error         // of its end; to be read after that
}

// errGone is said of one that has ended and should not have.
var errGone = fmt.Errorf("the drill ends here: the collector has ended by itself, see %s", collectorLog)

// watch starts a process and notes its end.
func watch(cmd *exec.Cmd) (*collector, error) {
	c := &collector{cmd: cmd, gone: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start collector: build it by make build: %w", err)
	}
	go func() {
		c.err = cmd.Wait()
		close(c.gone)
	}()
	return c, nil
}

// startCollector starts one, has it adopted, and waits until it observes.
func startCollector(binary, identities, out string, adopt func(pid int) error) (*collector, error) {
	config := filepath.Join(out, configFile)
	if err := os.WriteFile(config, collectorConfig, 0o644); err != nil {
		return nil, fmt.Errorf("start collector: %w", err)
	}
	log, err := os.Create(filepath.Join(out, collectorLog))
	if err != nil {
		return nil, fmt.Errorf("start collector: %w", err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(binary, "--config", config)
	cmd.Env = append(os.Environ(), "SANDBOX_IDENTITIES="+identities, "SANDBOX_OUT="+out, "SANDBOX_PROCESS="+processName())
	cmd.Stdout, cmd.Stderr = log, log
	// Of its own group, so that Ctrl-C stops it when the drill does.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c, err := watch(cmd)
	if err != nil {
		return nil, err
	}
	if err := adopt(c.cmd.Process.Pid); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	for until := time.Now().Add(time.Minute); ; {
		said, _ := os.ReadFile(log.Name())
		switch {
		case strings.Contains(string(said), ready):
			return c, nil
		case time.Now().After(until):
			return nil, errors.Join(fmt.Errorf("start collector: it is not ready after a minute, see %s", log.Name()), c.stop())
		}
		select {
		case <-c.gone:
			return nil, errors.Join(fmt.Errorf("start collector: it has ended, see %s", log.Name()), c.err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// processName is the shop's, which is this program, as the kernel shortens it.
func processName() string {
	const longest = 15
	name := filepath.Base(os.Args[0])
	if self, err := os.Executable(); err == nil {
		name = filepath.Base(self)
	}
	return name[:min(len(name), longest)]
}

// stop ends it and waits until it has ended.
func (c *collector) stop() error {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.gone:
		return c.ended()
	case <-time.After(30 * time.Second):
		killed := c.cmd.Process.Kill()
		<-c.gone
		return errors.Join(errors.New("stop collector: it was still there after 30 s"), killed, c.ended())
	}
}

func (c *collector) ended() error {
	if c.err != nil {
		return fmt.Errorf("stop collector: %w", c.err)
	}
	return nil
}
