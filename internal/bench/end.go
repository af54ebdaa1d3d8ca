// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"
	"time"
)

// serve is the server's end of a workload.
func (c *childProcess) serve() error {
	w := findWorkload(c.order.Workload)
	listener, port, err := listen()
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if err := c.greet(port); err != nil {
		return err
	}
	b := make([]byte, readSize)
	for {
		conn, err := accept(listener)
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		if err := w.serve(conn, b); err != nil {
			return fmt.Errorf("serve: %w", err)
		}
		shut(conn)
	}
}

// call is the client's end of a workload.
func (c *childProcess) call() error {
	w := findWorkload(c.order.Workload)
	client := &caller{b: make([]byte, writeSize)}
	for n := range max(1, c.order.Addresses) {
		client.to = append(client.to, newAddress(n, c.order.Port))
	}
	if w.connected {
		var err error
		if client.conn, err = client.connect(); err != nil {
			return fmt.Errorf("connect: %w", err)
		}
	}
	if err := c.greet(0); err != nil {
		return err
	}
	for t := range c.tasks {
		o, err := client.do(w, t)
		if err != nil {
			return fmt.Errorf("call: %w", err)
		}
		if err := c.answer(o); err != nil {
			return err
		}
	}
	return nil
}

// do repeats a workload's operation.
func (c *caller) do(w *workload, t task) (o outcome, err error) {
	begin := time.Now()
	for done := false; !done; {
		if err := w.call(c); err != nil {
			return o, err
		}
		o.Count++
		if t.Count > 0 {
			done = o.Count == t.Count
		} else {
			done = time.Since(begin) >= t.Duration
		}
	}
	o.Elapsed = time.Since(begin)
	return o, nil
}
