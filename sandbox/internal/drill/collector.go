// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

//go:embed collector.yaml
var collectorConfig []byte

//go:embed recording.yaml
var recordingConfig []byte

// ready is what a collector logs when it has started.
const ready = "Everything is ready"

// A Collector is one that runs.
type Collector struct {
	cmd  *exec.Cmd
	gone chan struct{} // closed when it has ended
	err  error         // of its end; to be read after that
}

// errGone is said of one that has ended and should not have.
var errGone = fmt.Errorf("the drill ends here: the collector has ended by itself, see %s", collectorLog)

// watch starts a process and notes its end.
func watch(cmd *exec.Cmd) (*Collector, error) {
	c := &Collector{cmd: cmd, gone: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start collector: build it by make build: %w", err)
	}
	go func() {
		c.err = cmd.Wait()
		close(c.gone)
	}()
	return c, nil
}

// Gone is closed when it has ended.
func (c *Collector) Gone() <-chan struct{} { return c.gone }

// A host is a shop, as far as a collector needs it.
type host interface {
	Identities() string
	Adopt(pid int, verdicts string) error
}

// StartCollector starts one that says in a folder what it finds in a shop, waits until it
// observes, and has the shop end it with itself. What its receiver tells is kept too if
// record is set: about a megabyte a minute.
func StartCollector(binary string, shop host, out string, record bool) (*Collector, error) {
	args, err := configure(out, record)
	if err != nil {
		return nil, fmt.Errorf("start collector: %w", err)
	}
	log, err := os.Create(filepath.Join(out, collectorLog))
	if err != nil {
		return nil, fmt.Errorf("start collector: %w", err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "SANDBOX_IDENTITIES="+shop.Identities(), "SANDBOX_OUT="+out, "SANDBOX_PROCESS="+processName())
	cmd.Stdout, cmd.Stderr = log, log
	// Of its own group, so that Ctrl-C stops it when the shop does.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c, err := watch(cmd)
	if err != nil {
		return nil, err
	}
	if err := shop.Adopt(cmd.Process.Pid, filepath.Join(out, verdictFile)); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, c.ready(log.Name())
}

// configure writes down a collector's configuration, after it has removed what another one
// said. It returns the arguments with which the collector reads it.
func configure(out string, record bool) (args []string, err error) {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	if err := empty(out); err != nil {
		return nil, err
	}
	files := map[string][]byte{configFile: collectorConfig}
	if record {
		files[recordingFile] = recordingConfig
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(out, name)
		if err := os.WriteFile(path, files[name], 0o644); err != nil {
			return nil, err
		}
		args = append(args, "--config", path)
	}
	return args, nil
}

// ready waits until it says so in its log, and stops it if it does not.
func (c *Collector) ready(log string) error {
	for until := time.Now().Add(time.Minute); ; {
		said, _ := os.ReadFile(log)
		switch {
		case strings.Contains(string(said), ready):
			return nil
		case time.Now().After(until):
			return errors.Join(fmt.Errorf("start collector: it is not ready after a minute, see %s", log), c.Stop())
		}
		select {
		case <-c.gone:
			return errors.Join(fmt.Errorf("start collector: it has ended, see %s", log), c.err)
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

// Stop ends it and waits until it has ended.
func (c *Collector) Stop() error {
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

func (c *Collector) ended() error {
	if c.err != nil {
		return fmt.Errorf("stop collector: %w", c.err)
	}
	return nil
}
