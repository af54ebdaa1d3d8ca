// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	logtest "go.uber.org/zap/zaptest/observer"

	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadata"
)

// A refusal is an error with a log of many lines.
type refusal struct{}

func (refusal) Error() string  { return "missing Linux 6.1 or newer: boot it" }
func (refusal) Detail() string { return "0: R1=ctx()\n1: R9 !read_ok" }

// The error that ends the collector is one sentence. The verifier's log is for
// those who debug, whichever pipeline starts first.
func TestDebuggingShowsWhatTheKernelSaid(t *testing.T) {
	const said = "what the kernel said: 0: R1=ctx()\n1: R9 !read_ok"
	for level, want := range map[zapcore.Level][]string{
		zap.InfoLevel:  nil,
		zap.DebugLevel: {"debug: " + said, "debug: " + said},
	} {
		core, logs := logtest.New(level)
		for _, r := range refusedReceivers(t, zap.New(core)) {
			err := r.Start(t.Context(), componenttest.NewNopHost())
			assert.EqualError(t, err, "open kernel: missing Linux 6.1 or newer: boot it")
			assert.NoError(t, r.Shutdown(t.Context()))
		}
		assert.Equal(t, want, messages(logs), level)
	}
}

// refusedReceivers are one of metrics and one of logs, on a kernel that refuses.
func refusedReceivers(t *testing.T, logger *zap.Logger) []component.Component {
	t.Helper()
	factory := newFactory(newPool(func(*Config) (kernel, error) {
		return nil, fmt.Errorf("open kernel: %w", refusal{})
	}, bubble))
	set := receivertest.NewNopSettings(metadata.Type)
	set.Logger = logger
	metrics, err := factory.CreateMetrics(t.Context(), set, factory.CreateDefaultConfig(), consumertest.NewNop())
	require.NoError(t, err)
	cfg := factory.CreateDefaultConfig().(*Config)
	cfg.Events.ConnectionFailed.Enabled = true
	logs, err := factory.CreateLogs(t.Context(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	return []component.Component{metrics, logs}
}
