// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package mib reads a network namespace's own TCP counters, those that nstat
// shows: what the kernel counted for all sockets together.
package mib

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// Counters are the kernel's, by its own names: those of Tcp (RetransSegs,
// OutSegs, InSegs, OutRsts) and TcpExt (ListenOverflows) as they are, those of
// other groups with the group before them (IpInReceives).
type Counters map[string]uint64

// Read returns the counters of a namespace.
func Read(t testing.TB, ns *netns.NS) (counters Counters) {
	t.Helper()
	ns.Do(func() { counters = Here(t) })
	return counters
}

// Here returns the counters of the namespace that the test runs in.
func Here(t testing.TB) Counters {
	t.Helper()
	counters := make(Counters)
	for _, name := range []string{"snmp", "netstat"} {
		file, err := os.Open("/proc/thread-self/net/" + name)
		require.NoError(t, err)
		defer func() { _ = file.Close() }()
		require.NoError(t, counters.parse(file))
	}
	return counters
}

// Since returns what was counted after an earlier reading. It means nothing for
// gauges and settings, such as CurrEstab.
func (c Counters) Since(before Counters) Counters {
	since := make(Counters, len(c))
	for name, value := range c {
		since[name] = value - before[name]
	}
	return since
}

// parse reads pairs of lines, names above values, both beginning with the
// group.
func (c Counters) parse(r io.Reader) error {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		names := strings.Fields(lines.Text())
		if !lines.Scan() {
			return fmt.Errorf("parse counters of %v: no values", names)
		}
		values := strings.Fields(lines.Text())
		if len(names) == 0 || len(names) != len(values) {
			return fmt.Errorf("parse counters: %d names, %d values", len(names), len(values))
		}
		if err := c.add(names, values); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (c Counters) add(names, values []string) error {
	group := strings.TrimSuffix(names[0], ":")
	if group == "Tcp" || group == "TcpExt" {
		group = ""
	}
	for i, name := range names[1:] {
		value, err := strconv.ParseInt(values[i+1], 10, 64) // MaxConn is -1
		if err != nil {
			return fmt.Errorf("parse counter %s: %w", name, err)
		}
		c[group+name] = uint64(value)
	}
	return nil
}
