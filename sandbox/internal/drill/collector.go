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
	"strconv"
	"strings"
	"syscall"
	"time"
)

//go:embed collector.yaml
var collectorConfig []byte

// Files in a drill's folder.
const (
	configFile   = "collector.yaml"
	collectorLog = "collector.log"
	verdictFile  = "verdicts.json"
	reportFile   = "report.json"
	pageFile     = "report.html"
)

// ready is what a collector logs when it has started.
const ready = "Everything is ready"

// A collector is one that runs.
type collector struct {
	cmd     *exec.Cmd
	ended   chan error
	started time.Time
}

// startCollector starts one and waits until it observes.
func startCollector(binary, identities, out string) (*collector, error) {
	config := filepath.Join(out, configFile)
	if err := os.WriteFile(config, collectorConfig, 0o644); err != nil {
		return nil, fmt.Errorf("start collector: %w", err)
	}
	log, err := os.Create(filepath.Join(out, collectorLog))
	if err != nil {
		return nil, fmt.Errorf("start collector: %w", err)
	}
	defer func() { _ = log.Close() }()
	c := &collector{cmd: exec.Command(binary, "--config", config), ended: make(chan error, 1), started: time.Now()}
	c.cmd.Env = append(os.Environ(), "SANDBOX_IDENTITIES="+identities, "SANDBOX_OUT="+out)
	c.cmd.Stdout, c.cmd.Stderr = log, log
	// Of its own group, so that Ctrl-C stops it when the drill does.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start collector: build it by make build: %w", err)
	}
	go func() { c.ended <- c.cmd.Wait() }()
	for until := time.Now().Add(time.Minute); ; {
		said, _ := os.ReadFile(log.Name())
		switch {
		case strings.Contains(string(said), ready):
			return c, nil
		case time.Now().After(until):
			return nil, errors.Join(fmt.Errorf("start collector: it is not ready after a minute, see %s", log.Name()), c.stop())
		}
		select {
		case err := <-c.ended:
			return nil, fmt.Errorf("start collector: it has ended, see %s: %w", log.Name(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop ends it and waits until it has ended.
func (c *collector) stop() error {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-c.ended:
		return err
	case <-time.After(30 * time.Second):
		return errors.Join(errors.New("stop collector: it was still there after 30 s"), c.cmd.Process.Kill(), <-c.ended)
	}
}

// A Usage is what a process took.
type Usage struct {
	CPU    float64 `json:"cpu"`    // CPUs, on average
	Memory int64   `json:"memory"` // bytes, resident, at its end
}

// tick is the kernel's unit of processes' time in /proc.
const tick = 10 * time.Millisecond

func (c *collector) usage() (u Usage, err error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		return u, fmt.Errorf("read usage: %w", err)
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 22 {
		return u, fmt.Errorf("read usage: %d fields are fewer than 22", len(fields))
	}
	var numbers [3]int64
	for i, at := range []int{11, 12, 21} { // utime, stime, rss
		if numbers[i], err = strconv.ParseInt(fields[at], 10, 64); err != nil {
			return u, fmt.Errorf("read usage: %w", err)
		}
	}
	used := time.Duration(numbers[0]+numbers[1]) * tick
	return Usage{CPU: used.Seconds() / time.Since(c.started).Seconds(), Memory: numbers[2] * int64(os.Getpagesize())}, nil
}
