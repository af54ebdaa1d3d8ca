// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// requireGoldenLogs compares logs with testdata/logs/<name>.txt.
func requireGoldenLogs(t *testing.T, name string, ld plog.Logs) {
	t.Helper()
	got := printLogs(ld)
	path := filepath.Join("testdata", "logs", name+".txt")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "go test -run %s -update writes %s anew", t.Name(), path)
}

func printLogs(ld plog.Logs) string {
	var p printer
	for _, rl := range ld.ResourceLogs().All() {
		p.line("resource %s %s", rl.SchemaUrl(), attributes(rl.Resource().Attributes()))
		for _, sl := range rl.ScopeLogs().All() {
			p.line("scope %s %s %s%s", sl.Scope().Name(), sl.Scope().Version(), attributes(sl.Scope().Attributes()), sl.SchemaUrl())
			for _, r := range sl.LogRecords().All() {
				p.line("%s at %s, seen at %s, %s (%d) flags %d: %s", r.EventName(), sinceStart(r.Timestamp()),
					sinceStart(r.ObservedTimestamp()), r.SeverityText(), r.SeverityNumber(), r.Flags(), r.Body().AsString())
				p.WriteString("  ")
				p.line("%s", attributes(r.Attributes()))
			}
		}
	}
	return p.String()
}

// failed is a connection that a client tried for some time.
func failed(failure flow.Failure, took time.Duration, retransmits uint32) flow.Event {
	e := flow.Event{
		Kind: flow.EventFailed, Key: clientKey(4711, 1), Time: second(7).Boot + 250_000_000,
		Age: took, Retransmits: retransmits, Failure: failure,
	}
	e.Key.LocalPort = 40_000
	e.Owner, e.Time = fakeKernel(quiet).Owner(e.Key.Owner), e.Time+uint64(failure)
	return e
}

// reset is a server's connection that was reset.
func reset(reason flow.CloseReason, owner flow.Owner) flow.Event {
	key := serverDelta().Key
	key.RemotePort, key.Owner = 50_000, owner.ID
	return flow.Event{
		Kind: flow.EventReset, Key: key, Owner: owner, Time: second(8).Boot, Age: 90*time.Second + 123*time.Microsecond,
		Bytes: [2]uint64{1000, 20}, Retransmits: 3, Close: reason,
	}
}

func allEvents() (all []flow.Event) {
	all = append(all, reset(flow.CloseResetReceived, flow.Owner{ID: flow.OwnerID{Start: 77}, ContainerID: "c0ffee00c0ffee00", PodUID: "0a0b0c0d"}))
	for failure := range flow.NumFailures {
		all = append(all, failed(failure, time.Duration(failure)*1500*time.Microsecond, uint32(failure)))
	}
	noPort := failed(flow.FailureNoAddress, 0, 0)
	noPort.Key.LocalPort = 0
	return append(all, noPort, reset(flow.CloseResetSent, flow.Owner{}))
}

func TestLogs(t *testing.T) {
	for name, named := range map[string]bool{"named": true, "unnamed": false} {
		t.Run(name, func(t *testing.T) {
			w := eventWriter{host: newHost("node-1", "machine", "boot"), version: "1.2.3", named: named}
			requireGoldenLogs(t, name, w.write(allEvents(), second(10)))
		})
	}
}

// What happened after both clocks were read happened then.
func TestAnEventIsNotInTheFuture(t *testing.T) {
	w := eventWriter{}
	ld := w.write([]flow.Event{failed(flow.FailureRefused, time.Second, 0)}, second(5))
	record := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	assert.Equal(t, second(5).Wall, uint64(record.Timestamp()))
}
