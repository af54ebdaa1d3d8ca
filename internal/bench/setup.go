// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"errors"
	"fmt"

	"github.com/tcpwhy/tcpwhy/internal/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/tcpbpf"
	"github.com/tcpwhy/tcpwhy/internal/tcpbpf/floor"
)

// What is attached while throughput is measured.
const (
	setupNone    = "none"
	setupProgram = "empty program"
	setupRecords = "empty records"
	setupAll     = "all"
)

// A setup is what is attached while fn runs, and calls after once each run's end.
type setup struct {
	name   string
	during func(fn func(after func() error) error) error
}

// setups has the collections after the runs with all attached, their connections still open.
func setups(c *collections) []setup {
	return []setup{
		{setupNone, bare},
		{setupProgram, floored(func(path string, _ uint32) (*floor.Floor, error) { return floor.Open(path) })},
		{setupRecords, floored(floor.OpenRecords)},
		{setupAll, func(fn func(func() error) error) error {
			return attached(everything(), func(k kernel) error { return fn(func() error { return c.measure(k) }) })
		}},
	}
}

func bare(fn func(func() error) error) error {
	if _, err := visited(); err != nil {
		return err
	}
	return fn(nothing)
}

// floored has a program attached that does nothing, with records of our size if any.
func floored(open func(path string, size uint32) (*floor.Floor, error)) func(func(func() error) error) error {
	return func(fn func(func() error) error) (err error) {
		size, err := visited()
		if err != nil {
			return err
		}
		root, err := cgroup.Root()
		if err != nil {
			return err
		}
		f, err := open(root, size)
		if err != nil {
			return fmt.Errorf("attach floor: %w", err)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		return fn(nothing)
	}
}

// visited opens and closes the kernel side, for what that does to caches and clocks, and
// returns the size of its records in bytes.
func visited() (size uint32, err error) {
	err = attached(everything(), func(k kernel) error {
		conns, err := k.mapStatistics(tcpbpf.MapConns)
		size = conns.ValueSize
		return err
	})
	return size, err
}

func nothing() error { return nil }
