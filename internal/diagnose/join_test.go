// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestJoin(t *testing.T) {
	zero, seven := uint8(0), uint8(7)
	a := Report{
		Seconds: 10, Sent: 5, Live: 2, Awaiting: 1, SendQueue: 10, ReceiveQueue: 3, ReceiveBuffer: 4096, MinRTT: .002,
		ReceiveScale: &seven, QueueLimit: 9, Time: [numPhases]float64{Idle: 20},
	}
	b := Report{
		Seconds: 10, Sent: 6, Live: 3, Awaiting: 2, SendQueue: 20, ReceiveQueue: 4, LockedReceiveBuffer: 2048, MinRTT: .001,
		ReceiveScale: &zero, QueueLimit: 4, Time: [numPhases]float64{Idle: 30},
	}
	want := Report{
		Seconds: 10, Sent: 11, Live: 5, Awaiting: 3, SendQueue: 30, ReceiveQueue: 7, ReceiveBuffer: 4096,
		LockedReceiveBuffer: 2048, MinRTT: .001, ReceiveScale: &zero, QueueLimit: 4, Time: [numPhases]float64{Idle: 50},
	}
	for _, order := range [][2]Report{{a, b}, {b, a}} {
		order[0].Join(&order[1])
		assert.Equal(t, want, order[0])
	}
	alone := Report{}
	alone.Join(&a)
	assert.Equal(t, a, alone)
}

// What no rule finds anything in needs no look; what one of the scenarios' rules finds must
// have been noticed.
func TestTroubleIsNoticed(t *testing.T) {
	assert.False(t, (&Report{Seconds: 10, Sent: 1e6, DataSegments: 1000, Opened: 50, Time: [numPhases]float64{Idle: 9, NetworkLimited: 1}}).Trouble())
	for name, r := range map[string]Report{
		"stalls":   {Stalls: 1},
		"failures": {Failed: [numFailures]uint64{FailedRefused: 1}},
		"window":   {Time: [numPhases]float64{Idle: 8, ReceiveWindowLimited: 2}},
		"buffer":   {Time: [numPhases]float64{Idle: 8, SendBufferLimited: 2}},
		"opens":    {Seconds: 1, Opened: 10},
	} {
		assert.True(t, r.Trouble(), name)
	}
	assert.False(t, (&Report{Failed: [numFailures]uint64{FailedAborted: 3}}).Trouble())
}

// TestTheFullestQueueTells of several listeners: one that has no room left is not hidden by another's.
func TestTheFullestQueueTells(t *testing.T) {
	for _, one := range [][2]Report{
		{{QueueLength: 2, QueueLimit: 1}, {QueueLimit: 4096}},
		{{QueueLimit: 1}, {QueueLength: 7, QueueLimit: 4096}},
		{{QueueLimit: 4096}, {}},
	} {
		for _, r := range [][2]Report{one, {one[1], one[0]}} {
			r[0].Join(&r[1])
			assert.Equal(t, one[0].QueueLength, r[0].QueueLength)
			assert.Equal(t, one[0].QueueLimit, r[0].QueueLimit)
		}
	}
}
