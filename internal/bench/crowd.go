// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// A crowd is many open connections, both ends of them in children.
type crowd struct {
	namespace *os.File
	holders   []*peer
}

// newCrowd opens connections to so many addresses, of which each process has its
// share: what is said to one address by one process is a flow.
func newCrowd(connections, addresses int) (_ *crowd, err error) {
	c := &crowd{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open %d connections: %w", connections, err), c.end())
		}
	}()
	if c.namespace, err = newNamespace(); err != nil {
		return nil, err
	}
	most, err := connectionsOfProcess()
	if err != nil {
		return nil, err
	}
	for processes := (connections + most - 1) / most; processes > 0; processes-- {
		n, to := connections/processes, max(1, addresses/processes)
		connections, addresses = connections-n, addresses-to
		p, err := newPeer(c.namespace, order{Do: doHold, CPU: -1, Connections: n, Addresses: to})
		if err != nil {
			return nil, err
		}
		c.holders = append(c.holders, p)
	}
	return c, nil
}

// connectionsOfProcess is how many connections a child may hold both ends of.
func connectionsOfProcess() (int, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read limit of open files: %w", err)
	}
	const own = 64 // pipes, the runtime's
	return (int(min(limit.Max, 1<<20)) - own) / 2, nil
}

// exchange makes so many exchanges on each connection.
func (c *crowd) exchange(rounds int) error {
	for _, p := range c.holders {
		if _, err := p.do(task{Count: rounds}); err != nil {
			return err
		}
	}
	return nil
}

// end closes all connections.
func (c *crowd) end() error {
	for _, p := range c.holders {
		p.stop()
	}
	if c.namespace == nil {
		return nil
	}
	return c.namespace.Close()
}

// withCrowd calls fn with open connections.
func withCrowd(connections, addresses int, fn func(*crowd) error) error {
	c, err := newCrowd(connections, addresses)
	if err != nil {
		return err
	}
	return errors.Join(fn(c), c.end())
}
