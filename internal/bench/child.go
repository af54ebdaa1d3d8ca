// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// namespaceFD is the first of a child's ExtraFiles.
const namespaceFD = 3

// A childProcess is what a child knows.
type childProcess struct {
	order order
	tasks chan task
	out   *json.Encoder
}

// child does what it is ordered and does not return.
func child(raw string) {
	if err := runChild(raw); err != nil {
		fmt.Fprintln(os.Stderr, "bench child:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runChild(raw string) error {
	c := &childProcess{tasks: make(chan task), out: json.NewEncoder(os.Stdout)}
	if err := json.Unmarshal([]byte(raw), &c.order); err != nil {
		return fmt.Errorf("decode order: %w", err)
	}
	// The thread that measures blocks in system calls that the runtime does not
	// know of: nothing may wait for it, neither the garbage collector nor, for
	// want of a second processor, the reader of tasks.
	debug.SetGCPercent(-1)
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
	go c.readTasks()

	runtime.LockOSThread()
	if err := unix.Setns(namespaceFD, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace: %w", err)
	}
	if c.order.CPU >= 0 {
		if err := pin(c.order.CPU); err != nil {
			return err
		}
	}
	switch c.order.Do {
	case doServe:
		return c.serve()
	case doCall:
		return c.call()
	case doHold:
		return c.hold()
	}
	return fmt.Errorf("find order %q: there is none", c.order.Do)
}

// readTasks ends the process with its input.
func (c *childProcess) readTasks() {
	in := json.NewDecoder(os.Stdin)
	for {
		var t task
		switch err := in.Decode(&t); {
		case errors.Is(err, io.EOF):
			os.Exit(0)
		case err != nil:
			fmt.Fprintln(os.Stderr, "bench child: read task:", err)
			os.Exit(1)
		}
		c.tasks <- t
	}
}

// greet says that the child is ready. It becomes a realtime thread at the last
// moment, after everything that the runtime has to do.
func (c *childProcess) greet(port uint16) error {
	g := greeting{Port: port}
	if c.order.Realtime {
		g.Realtime = realtime() == nil
	}
	if err := c.out.Encode(g); err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	return nil
}

func (c *childProcess) answer(o outcome) error {
	if err := c.out.Encode(o); err != nil {
		return fmt.Errorf("answer task: %w", err)
	}
	return nil
}
