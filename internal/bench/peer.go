// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// A peer is a child process. It ends when its standard input is closed, which
// the kernel does if this process dies.
type peer struct {
	greeting
	cmd   *exec.Cmd
	tasks *os.File
	in    *json.Encoder
	out   *json.Decoder
}

// newPeer starts a child in a network namespace and waits until it is ready.
func newPeer(namespace *os.File, o order) (_ *peer, err error) {
	raw, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode order: %w", err)
	}
	stdin, tasks, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	defer stdin.Close()
	p := &peer{tasks: tasks, in: json.NewEncoder(tasks)}
	p.cmd = exec.Command("/proc/self/exe", childArgument, string(raw))
	// The runtime takes a system call that blocks for a goroutine that does not
	// yield, and would interrupt it.
	p.cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1")
	p.cmd.Stdin, p.cmd.Stderr, p.cmd.ExtraFiles = stdin, os.Stderr, []*os.File{namespace}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make pipe: %w", err), tasks.Close())
	}
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start child: %w", err), tasks.Close())
	}
	p.out = json.NewDecoder(stdout)
	if err := p.out.Decode(&p.greeting); err != nil {
		p.stop()
		return nil, fmt.Errorf("await child: %w", err)
	}
	return p, nil
}

// begin gives the child a task, finish waits for its outcome.
func (p *peer) begin(t task) error {
	if err := p.in.Encode(t); err != nil {
		return fmt.Errorf("send task: %w", err)
	}
	return nil
}

func (p *peer) finish() (o outcome, err error) {
	if err := p.out.Decode(&o); err != nil {
		return o, fmt.Errorf("await outcome: %w", err)
	}
	return o, nil
}

func (p *peer) do(t task) (outcome, error) {
	if err := p.begin(t); err != nil {
		return outcome{}, err
	}
	return p.finish()
}

// stop ends the child and waits until its sockets are closed.
func (p *peer) stop() {
	p.tasks.Close()
	// How a child that was told to end did so says nothing.
	_ = p.cmd.Wait()
}
