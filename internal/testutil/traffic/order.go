// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic

import (
	"net/netip"

	"github.com/tcpwhy/tcpwhy/internal/testutil/socket"
)

// childVariable marks the environment of a process that takes orders.
const childVariable = "TCPWHY_TRAFFIC_CHILD"

// An order is a line of JSON to a child process, which answers each with one
// line.
type order struct {
	Task        task
	Socket      socket.Config
	Address     netip.AddrPort
	Sources     []netip.Addr
	Connections int
	Parallel    int
	Script      Script
}

type task string

const (
	listen  task = "listen"  // at Address
	serve   task = "serve"   // the next Connections of the listener
	connect task = "connect" // to Address, Parallel at a time
)

type answer struct {
	Address netip.AddrPort // of the listener
	Ends    []End
	Error   string
}
