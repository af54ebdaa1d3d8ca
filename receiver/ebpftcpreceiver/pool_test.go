// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadata"
)

// A countedKernel counts how often it is open.
type countedKernel struct {
	fakeKernel
	opened, closed int
}

func (k *countedKernel) Close() error { k.closed++; return nil }

func (k *countedKernel) open(*Config) (kernel, error) { k.opened++; return k, nil }

func TestPipelinesOfAComponentShareTheKernel(t *testing.T) {
	counted := &countedKernel{fakeKernel: quiet}
	factory := newFactory(newPool(counted.open, second0))
	cfg := factory.CreateDefaultConfig()
	cfg.(*Config).Events.ConnectionReset.Enabled = true
	set := receivertest.NewNopSettings(metadata.Type)
	metrics, err := factory.CreateMetrics(t.Context(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	logs, err := factory.CreateLogs(t.Context(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)

	require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, metrics.Start(t.Context(), componenttest.NewNopHost()))
	assert.Equal(t, 1, counted.opened)
	require.NoError(t, logs.Shutdown(t.Context()))
	require.NoError(t, logs.Shutdown(t.Context()))
	assert.Zero(t, counted.closed, "metrics still need it")
	require.NoError(t, metrics.Shutdown(t.Context()))
	assert.Equal(t, 1, counted.closed)
}

func second0() flow.Instant { return second(0) }

func TestComponentsDoNotShareTheKernel(t *testing.T) {
	counted := &countedKernel{}
	p := newPool(counted.open, second0)
	a, b := &Config{}, &Config{}
	p.join(a, pipelines{logs: true})
	_, err := p.acquire(a)
	require.NoError(t, err)
	_, err = p.acquire(b)
	require.NoError(t, err)
	assert.Equal(t, 2, counted.opened)
	require.NoError(t, p.release(a))
	assert.Equal(t, 1, counted.closed)
	require.NoError(t, p.release(b))
	assert.Equal(t, 2, counted.closed)
	assert.Empty(t, p.shares)
	assert.Empty(t, p.pipelines)
}

func TestAKernelThatDoesNotOpenIsTriedAgain(t *testing.T) {
	counted := &countedKernel{}
	errs := []error{errors.New("no BTF"), nil}
	p := newPool(func(cfg *Config) (kernel, error) {
		err := errs[0]
		errs = errs[1:]
		if err != nil {
			return nil, err
		}
		return counted.open(cfg)
	}, second0)
	cfg := &Config{}
	_, err := p.acquire(cfg)
	require.EqualError(t, err, "no BTF")
	share, err := p.acquire(cfg)
	require.NoError(t, err)
	assert.Equal(t, second(0), share.opened)
	require.NoError(t, p.release(cfg))
}
