// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/zap"
	logtest "go.uber.org/zap/zaptest/observer"

	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadata"
)

// A hookedKernel has one job at its best hook, one at another, and one at none.
type hookedKernel struct{ fakeKernel }

func (hookedKernel) Hooks() []hook {
	return []hook{
		{job: "close", name: "sock_ops/STATE_CB", never: "some reasons"},
		{job: "older_callbacks", name: "iter/tcp", reason: "iter/tcp: no CAP_SYS_ADMIN", lost: "round trips"},
		{job: "listener_heir", reason: "iter/task_file: too old", lost: "heirs"},
	}
}

const (
	closeRow    = "info: hook: close                   sock_ops/STATE_CB; no hook shows: some reasons"
	callbackRow = "info: hook: older_callbacks         iter/tcp; why not better: iter/tcp: no CAP_SYS_ADMIN; lost: round trips"
	heirRow     = "info: hook: listener_heir           none; why not better: iter/task_file: too old; lost: heirs"
)

// A stand is a factory of receivers on hooked kernels, and what it drops and logs.
type stand struct {
	t       *testing.T
	factory receiver.Factory
	set     receiver.Settings
	logs    *logtest.ObservedLogs
	drops   int // kernel sides that the last drop was told of
}

func newStand(t *testing.T, failure error) *stand {
	t.Helper()
	core, logs := logtest.New(zap.InfoLevel)
	s := &stand{t: t, set: receivertest.NewNopSettings(metadata.Type), logs: logs}
	s.set.Logger = zap.New(core)
	p := newPool(func(*Config) (kernel, error) { return hookedKernel{quiet}, nil }, second0)
	p.drop = func(kernels []kernel) ([]string, error) {
		s.drops = len(kernels)
		return []string{"CAP_SYS_ADMIN"}, failure
	}
	s.factory = newFactory(p)
	return s
}

func (s *stand) metrics(cfg component.Config) receiver.Metrics {
	s.t.Helper()
	r, err := s.factory.CreateMetrics(s.t.Context(), s.set, cfg, consumertest.NewNop())
	require.NoError(s.t, err)
	return r
}

func (s *stand) events(cfg component.Config) receiver.Logs {
	s.t.Helper()
	r, err := s.factory.CreateLogs(s.t.Context(), s.set, cfg, consumertest.NewNop())
	require.NoError(s.t, err)
	return r
}

// start starts a component, and returns what it logged.
func (s *stand) start(c component.Component) []string {
	s.t.Helper()
	require.NoError(s.t, c.Start(s.t.Context(), componenttest.NewNopHost()))
	s.t.Cleanup(func() { require.NoError(s.t, c.Shutdown(context.Background())) })
	var rows []string
	for _, entry := range s.logs.TakeAll() {
		message := entry.Level.String() + ": " + entry.Message
		if err := entry.ContextMap()["error"]; err != nil {
			message += fmt.Sprintf(": %v", err)
		}
		if len(message) > 6 {
			rows = append(rows, message)
		}
	}
	return rows
}

// One component in two pipelines tells its hooks once, and then gives up capabilities.
func TestHooksAreAnnouncedOnce(t *testing.T) {
	s := newStand(t, nil)
	cfg := s.factory.CreateDefaultConfig()
	cfg.(*Config).Events.ConnectionReset.Enabled = true
	logs, metrics := s.events(cfg), s.metrics(cfg)
	rows := s.start(logs)
	require.Len(t, rows, 4)
	assert.Equal(t, []string{closeRow, callbackRow, heirRow}, rows[:3])
	assert.Contains(t, rows[3], "info: capabilities: held ")
	assert.Contains(t, rows[3], "; of these dropped just now: CAP_SYS_ADMIN")
	assert.Equal(t, 1, s.drops)
	assert.Empty(t, s.start(metrics))
}

// Capabilities are given up when the last component has opened its kernel side. One that
// opens none is not waited for.
func TestCapabilitiesAreDroppedByTheLastOne(t *testing.T) {
	s := newStand(t, nil)
	first, second := s.metrics(s.factory.CreateDefaultConfig()), s.metrics(s.factory.CreateDefaultConfig())
	s.events(s.factory.CreateDefaultConfig()) // with all events switched off
	assert.Equal(t, []string{closeRow, callbackRow, heirRow}, s.start(first))
	assert.Zero(t, s.drops)
	assert.Len(t, s.start(second), 4)
	assert.Equal(t, 2, s.drops)
}

// One component that keeps them keeps them for all: they are the process's.
func TestCapabilitiesAreKeptOnDemand(t *testing.T) {
	s := newStand(t, nil)
	keeping := s.factory.CreateDefaultConfig()
	keeping.(*Config).DropCapabilities = false
	s.start(s.metrics(keeping))
	rows := s.start(s.metrics(s.factory.CreateDefaultConfig()))
	require.Len(t, rows, 4)
	assert.Contains(t, rows[3], "dropped just now: none")
	assert.Zero(t, s.drops)
}

func TestCapabilitiesThatCannotBeDropped(t *testing.T) {
	s := newStand(t, errors.New("threads differ"))
	rows := s.start(s.metrics(s.factory.CreateDefaultConfig()))
	require.Len(t, rows, 5)
	assert.Equal(t, "warn: capabilities that are not needed any more are kept: threads differ", rows[3])
}
