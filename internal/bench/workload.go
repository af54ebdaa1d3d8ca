// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

// Sizes of what is written and read at once.
const (
	writeSize = 64 << 10
	readSize  = 256 << 10
)

// A workload is something that two ends do over and over again.
type workload struct {
	name  string  // also its title
	unit  string  // what is counted
	scale float64 // operations in a unit
	count int     // operations of a run with a fixed number of them
	// call is one operation of the client, on one connection for all of them,
	// or on -1 if it opens its own.
	call      func(c *caller) error
	connected bool
	// serve answers until the connection ends.
	serve func(conn int, b []byte) error
}

var workloads = []*workload{
	{
		name: "ping-pong of 1 byte", unit: "exchange", scale: 1, count: 20_000,
		call: (*caller).exchange, connected: true, serve: echo,
	},
	{
		name: "connect, request, close", unit: "connection", scale: 1, count: 3000,
		call: (*caller).connection, serve: echo,
	},
	{
		name: "bulk stream", unit: "MB", scale: 1e6 / writeSize, count: 8000,
		call: (*caller).stream, connected: true, serve: discard,
	},
}

func findWorkload(name string) *workload {
	for _, w := range workloads {
		if w.name == name {
			return w
		}
	}
	return nil
}

// A caller is the client.
type caller struct {
	to   []*address // take turns
	next int
	conn int
	b    []byte
}

func (c *caller) connect() (fd int, err error) {
	to := c.to[c.next]
	c.next = (c.next + 1) % len(c.to)
	return connect(to)
}

func (c *caller) exchange() error { return exchange(c.conn, c.b[:1]) }

func (c *caller) connection() error {
	conn, err := c.connect()
	if err != nil {
		return err
	}
	err = exchange(conn, c.b[:1])
	shut(conn)
	return err
}

func (c *caller) stream() error { return write(c.conn, c.b[:writeSize]) }

func exchange(conn int, b []byte) error {
	if err := write(conn, b); err != nil {
		return err
	}
	_, err := read(conn, b)
	return err
}

func echo(conn int, b []byte) error {
	for {
		n, err := read(conn, b[:1])
		if n == 0 || err != nil {
			return err
		}
		if err := write(conn, b[:n]); err != nil {
			return err
		}
	}
}

func discard(conn int, b []byte) error {
	for {
		n, err := read(conn, b)
		if n == 0 || err != nil {
			return err
		}
	}
}
