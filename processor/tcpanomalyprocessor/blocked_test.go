// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/tcpwhy/tcpwhy/internal/anomaly"
)

// A logs pipeline that takes nothing for ever delays neither metrics nor the end.
func TestABlockedLogsPipeline(t *testing.T) {
	s := startStage(t, "testdata/golden/loss/config.yaml")
	require.NoError(t, s.logs.Shutdown(context.Background())) // another one takes its place
	wall := make(chan struct{})
	reached := make(chan struct{}, 1)
	blocked, err := consumer.NewLogs(func(context.Context, plog.Logs) error {
		reached <- struct{}{}
		<-wall
		return nil
	})
	require.NoError(t, err)
	set := processortest.NewNopSettings(NewFactory().Type())
	s.logs, err = newFactory(anomaly.Clock{Now: s.time}).CreateLogs(t.Context(), set, s.cfg, blocked)
	require.NoError(t, err)
	require.NoError(t, s.logs.Start(t.Context(), componenttest.NewNopHost()))

	r := readScript(t, "testdata/golden/loss/in.yaml")
	added := s.play(r)
	select {
	case <-reached:
	case <-time.After(10 * time.Second):
		require.Fail(t, "nothing was told")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, _, sums, telemetry := s.endBy(ctx)
	assert.Less(t, time.Since(began), 10*time.Second)
	assert.InDeltaMapValues(t, added, sums, 1e-9)
	assert.Contains(t, telemetry, "events_sent 0\n")
	assert.Regexp(t, "events_dropped not_accepted [1-9]", telemetry)
	close(wall)
}
