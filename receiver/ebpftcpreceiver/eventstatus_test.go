// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadatatest"
)

// assertDropped compares what was dropped for each reason. Those of the kernel side are
// there from the first look on.
func assertDropped(t *testing.T, tt *componenttest.Telemetry, want map[string]int64) {
	t.Helper()
	points := make([]metricdata.DataPoint[int64], 0, len(want))
	for reason, n := range want {
		points = append(points, count(n, attribute.String(names.DropReason, reason))...)
	}
	metadatatest.AssertEqualEbpfTCPEventsDropped(t, tt, points, ignoreTime...)
}

func TestEventsThatAreNotAcceptedAreOfferedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tt, set, logs := telemetry(t)
		p := newLogsPipeline(t, set, failingLogs(errBusy, errBusy, errBusy, errBusy))
		p.run(t, time.Second)
		p.happen(3)
		wait(10 * time.Second)
		assert.Equal(t, []string{"1.2s: 3", "1.3s: 3", "1.5s: 3", "1.9s: 3", "2.7s: 3"}, p.sent)
		p.stop(t)
		metadatatest.AssertEqualEbpfTCPEventsSent(t, tt, count(3), ignoreTime...)
		assertDropped(t, tt, map[string]int64{"rate_limit": 0, "buffer_full": 0})
		assert.Empty(t, messages(logs))
	})
}

// A pipeline that has not accepted a batch gets the next one once: what happens
// meanwhile would find no room.
func TestEventsThatAreNeverAcceptedAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tt, set, logs := telemetry(t)
		p := newLogsPipeline(t, set, failingLogs(errBusy, errBusy, errBusy, errBusy, errBusy, errBusy, nil, errBusy))
		p.run(t, time.Second)
		for n := range 4 {
			p.happen(n + 1)
			wait(10 * time.Second)
		}
		assert.Equal(t, []string{
			"1.2s: 1", "1.3s: 1", "1.5s: 1", "1.9s: 1", "2.7s: 1", "11.2s: 2", "21.2s: 3", "31.2s: 4", "31.3s: 4",
		}, p.sent)
		p.stop(t)
		metadatatest.AssertEqualEbpfTCPEventsSent(t, tt, count(7), ignoreTime...)
		assertDropped(t, tt, map[string]int64{"rate_limit": 0, "buffer_full": 0, "not_accepted": 3})
		assert.Equal(t, []string{
			"warn: events were not accepted and are dropped; ebpf_tcp_events_dropped counts them",
			"info: events are accepted again",
		}, messages(logs))
	})
}

func TestEventsThatAreRefusedForGoodAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tt, set, _ := telemetry(t)
		p := newLogsPipeline(t, set, failingLogs(errInvalid))
		p.run(t, time.Second)
		p.happen(3)
		wait(time.Second)
		assert.Equal(t, []string{"1.2s: 3"}, p.sent)
		p.stop(t)
		assertDropped(t, tt, map[string]int64{"rate_limit": 0, "buffer_full": 0, "refused": 3})
	})
}

// What the kernel side holds back is counted once, if nothing else happens too.
func TestEventsThatAreHeldBackAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tt, set, _ := telemetry(t)
		p := newLogsPipeline(t, set, acceptLogs)
		p.events.drop(5, 1)
		p.run(t, 11*time.Second)
		assertDropped(t, tt, map[string]int64{"rate_limit": 5, "buffer_full": 1})
		p.events.drop(2, 0)
		p.stop(t)
		assertDropped(t, tt, map[string]int64{"rate_limit": 7, "buffer_full": 1})
	})
}

// A reader that fails keeps what happens in the kernel, which counts what it has no room for.
func TestEventsThatCannotBeReadAreCountedAndReadLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tt, set, logs := telemetry(t)
		p := newLogsPipeline(t, set, acceptLogs)
		p.run(t, time.Second)
		p.events.fail(errBusy)
		p.happen(1)
		wait(10 * time.Second)
		p.events.drop(0, 5)
		wait(20 * time.Second)
		assertDropped(t, tt, map[string]int64{"rate_limit": 0, "buffer_full": 5})
		p.events.fail(nil)
		p.happen(2)
		wait(20 * time.Second)
		metadatatest.AssertEqualEbpfTCPEventsSent(t, tt, count(3), ignoreTime...)
		p.events.fail(errBusy)
		wait(20 * time.Second)
		begin := time.Now()
		p.stop(t)
		assert.Zero(t, time.Since(begin), "it does not wait for the next look")
		failure := "error: events cannot be read and are tried again; ebpf_tcp_events_dropped counts those without room"
		assert.Equal(t, []string{failure, failure}, messages(logs))
	})
}
