// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

// Package rttlog logs every RTT callback that the kernel makes, by a sock_ops
// program of its own. It is the witness for histograms, sample by sample, and
// a stranger's program on the same cgroup at the same time.
//
// The kernel calls back once per round trip, only where this end sends, and for
// all programs or none: the log has what others were given too, including what
// came before it asked for callbacks if another program asked earlier.
package rttlog

import (
	"encoding/binary"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// A Sample is what a socket looked like in one callback, with the socket locked: what was
// written and not sent waited for the acknowledgement that is being read.
type Sample = rttlogSample

// Callbacks that are logged, as Sample.Op. Those of establishment bring the
// handshake's sample.
const (
	ActiveEstablished  = 4
	PassiveEstablished = 5
	RTT                = 12
)

// A Log is a running log.
type Log struct {
	t       testing.TB
	objects rttlogObjects
	link    link.Link
	reader  *ringbuf.Reader
	samples []Sample
}

// Start logs the sockets of a cgroup that are in a namespace; nil means all. It
// ends with the test.
func Start(t testing.TB, cgroup string, ns *netns.NS) *Log {
	t.Helper()
	root.Require(t)
	spec, err := loadRttlog()
	require.NoError(t, err)
	if ns != nil {
		require.NoError(t, spec.Variables["only_netns"].Set(uint32(ns.Inode())))
	}

	l := &Log{t: t}
	require.NoError(t, spec.LoadAndAssign(&l.objects, nil))
	t.Cleanup(func() { _ = l.objects.Close() })
	l.reader, err = ringbuf.NewReader(l.objects.Samples)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.reader.Close() })
	l.link, err = link.AttachCgroup(link.CgroupOptions{
		Path: cgroup, Attach: ebpf.AttachCGroupSockOps, Program: l.objects.Rttlog,
	})
	require.NoError(t, err)
	t.Cleanup(l.Stop)
	return l
}

// Stop ends the log. What was logged can still be read.
func (l *Log) Stop() { _ = l.link.Close() }

// Samples returns everything logged since the start, in the order of each CPU.
// It fails the test if a record was lost: read more often then.
func (l *Log) Samples() []Sample {
	l.t.Helper()
	l.reader.SetDeadline(time.Unix(0, 1)) // long ago: take what is there
	for record := (ringbuf.Record{}); ; {
		err := l.reader.ReadInto(&record)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		require.NoError(l.t, err)
		var sample Sample
		_, err = binary.Decode(record.RawSample, binary.NativeEndian, &sample)
		require.NoError(l.t, err)
		l.samples = append(l.samples, sample)
	}
	require.Zero(l.t, l.lost(), "samples lost for want of room")
	return l.samples
}

func (l *Log) lost() (lost uint64) {
	l.t.Helper()
	require.NoError(l.t, l.objects.Lost.Get(&lost))
	return lost
}
