// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic

import (
	"net/netip"

	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
)

// An Ending says how an application gave up its connection.
type Ending string

// Endings.
const (
	Ordered Ending = "ordered" // the peer's FIN arrived before the descriptor closed
	Orphan  Ending = "orphan"  // the descriptor closed before the peer's FIN arrived
	Aborted Ending = "aborted" // SO_LINGER 0: a RST instead of a FIN
	Unread  Ending = "unread"  // closed with unread data: a RST
	Reset   Ending = "reset"   // the peer's RST arrived
)

// An End is what one application did on its end of one connection.
type End struct {
	Local, Remote netip.AddrPort // unmapped
	Written       uint64         // bytes that the kernel took from the application
	Read          uint64         // bytes that the application took from the kernel
	Unread        uint64         // bytes that had arrived and nobody read
	Ending        Ending
	// Info is the last reading before the descriptor closed. It is final if its
	// state is CLOSE.
	Info tcpinfo.Info
}

// A Truth is what both ends of one connection did.
type Truth struct {
	Scenario       string
	Client, Server End
}

// Totals adds up ends.
type Totals struct {
	Connections           uint64
	Written, Read, Unread uint64 // bytes
}

// Sum adds up the clients and the servers of connections.
func Sum(truths []Truth) (client, server Totals) {
	for _, truth := range truths {
		client.add(truth.Client)
		server.add(truth.Server)
	}
	return client, server
}

func (t *Totals) add(e End) {
	t.Connections++
	t.Written += e.Written
	t.Read += e.Read
	t.Unread += e.Unread
}
