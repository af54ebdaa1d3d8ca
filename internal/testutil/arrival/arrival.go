// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

// Package arrival logs each segment that comes to an established socket, together with
// what was written, sent and acknowledged there at that moment: what a small write waited
// for, and whether it waited at all, is in the log.
package arrival

import (
	"encoding/binary"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// An Arrival is one segment. Una, Sent and Written are sequence numbers of the socket
// before it has read the segment, and Ack is the segment's own.
type Arrival = arrivalArrival

// A Log is a running log.
type Log struct {
	t       testing.TB
	objects arrivalObjects
	reader  *ringbuf.Reader
	all     []Arrival
}

// Start logs the sockets of a namespace. It ends with the test.
func Start(t testing.TB, ns *netns.NS) *Log {
	t.Helper()
	root.Require(t)
	spec, err := loadArrival()
	require.NoError(t, err)
	require.NoError(t, spec.Variables["only_netns"].Set(uint32(ns.Inode())))

	l := &Log{t: t}
	require.NoError(t, spec.LoadAndAssign(&l.objects, nil))
	t.Cleanup(func() { _ = l.objects.Close() })
	l.reader, err = ringbuf.NewReader(l.objects.Arrivals)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.reader.Close() })
	attached, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: "tcp_probe", Program: l.objects.Arrived})
	require.NoError(t, err)
	t.Cleanup(func() { _ = attached.Close() })
	return l
}

// At returns what has come to the socket of a local port, in order.
func (l *Log) At(port uint16) (arrivals []Arrival) {
	l.t.Helper()
	l.read()
	for _, a := range l.all {
		if a.LocalPort == uint32(port) {
			arrivals = append(arrivals, a)
		}
	}
	return arrivals
}

func (l *Log) read() {
	l.t.Helper()
	l.reader.SetDeadline(time.Unix(0, 1)) // long ago: take what is there
	for record := (ringbuf.Record{}); ; {
		err := l.reader.ReadInto(&record)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		require.NoError(l.t, err)
		var a Arrival
		_, err = binary.Decode(record.RawSample, binary.NativeEndian, &a)
		require.NoError(l.t, err)
		l.all = append(l.all, a)
	}
	var lost uint64
	require.NoError(l.t, l.objects.Lost.Get(&lost))
	require.Zero(l.t, lost, "segments lost for want of room")
}
