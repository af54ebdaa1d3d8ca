// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadata"
)

func TestExportsEachInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipeline(t, oneByte, accept)
		p.run(t, 25*time.Second)
		assert.Equal(t, []string{"1s: 1", "11s: 2", "21s: 3"}, p.exported)
		p.stop(t)
		assert.Equal(t, "25s: 4", p.exported[3], "what happened until the shutdown")
		assert.Len(t, p.exported, 4)
	})
}

func TestShutdownBeforeTheFirstInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipeline(t, oneByte, accept)
		p.run(t, time.Millisecond)
		p.stop(t)
		assert.Equal(t, []string{"1ms: 1"}, p.exported)
	})
}

func TestShutdownTwiceAndWithoutStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipeline(t, oneByte, accept)
		require.NoError(t, p.Shutdown(t.Context()))
		p.run(t, time.Millisecond)
		p.stop(t)
		p.stop(t)
		assert.Len(t, p.exported, 1)
	})
}

func TestStartAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipeline(t, oneByte, accept)
		p.run(t, time.Second)
		p.stop(t)
		p.Metrics = p.create(t, receivertest.NewNopSettings(metadata.Type))
		p.run(t, time.Second)
		require.NoError(t, p.Shutdown(t.Context()))
		assert.Equal(t, 2, p.closed)
		assert.Equal(t, []string{"1s: 1", "1s: 2", "2s: 1", "2s: 2"}, p.exported, "a new table begins at zero")
	})
}

func TestStartReturnsTheReason(t *testing.T) {
	missing := errors.New("the kernel has no BTF")
	factory := newFactory(newPool(func(*Config) (kernel, error) { return nil, missing }, bubble))
	p := newPipeline(t, oneByte, accept)
	r, err := factory.CreateMetrics(t.Context(), receivertest.NewNopSettings(metadata.Type), p.cfg, p.next(t))
	require.NoError(t, err)
	require.ErrorIs(t, r.Start(t.Context(), componenttest.NewNopHost()), missing)
	require.NoError(t, r.Shutdown(t.Context()))
}

func TestAnExportThatFailsIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipeline(t, oneByte, failing(errBusy, errBusy, errBusy))
		p.run(t, 12*time.Second)
		assert.Equal(t, []string{
			"1s: 1", "1.1s: 1", "1.3s: 1", "1.7s: 1", // 100, 200, 400 ms later
			"11s: 2",
		}, p.exported)
		p.stop(t)
	})
}

func TestTheNextIntervalReplacesAnExportThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipeline(t, oneByte, failing(errBusy, errBusy, errBusy))
		p.cfg.CollectionInterval = 250 * time.Millisecond
		p.run(t, 2*time.Second)
		assert.Equal(t, []string{
			"1s: 1", "1.1s: 1", "1.25s: 2", "1.35s: 2", "1.5s: 3", "1.75s: 4", "2s: 5",
		}, p.exported)
		p.stop(t)
	})
}

func TestAnExportThatIsRefusedForGoodIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipeline(t, oneByte, failing(errInvalid))
		p.run(t, 12*time.Second)
		assert.Equal(t, []string{"1s: 1", "11s: 2"}, p.exported)
		p.stop(t)
	})
}

func TestTheLastExportIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipeline(t, oneByte, failing(errBusy, errBusy))
		p.run(t, time.Millisecond)
		p.stop(t)
		assert.Equal(t, []string{"1ms: 1", "101ms: 1", "301ms: 1"}, p.exported)
	})
}

func TestShutdownGivesUpOnAPipelineThatNeverAccepts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipeline(t, oneByte, func(context.Context, pmetric.Metrics) error { return errBusy })
		p.run(t, time.Millisecond)
		p.stop(t)
		assert.Len(t, p.exported, flushAttempts)
	})
}

func TestShutdownDoesNotWaitForABlockedPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipeline(t, oneByte, func(ctx context.Context, _ pmetric.Metrics) error {
			<-ctx.Done()
			return ctx.Err()
		})
		p.run(t, time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Shutdown(ctx); err != nil {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		synctest.Wait()
		assert.Equal(t, 1, p.closed)
		assert.Equal(t, []string{"1s: 1", "1m0s: 2"}, p.exported)
	})
}

// What the pipeline holds cannot be added to: sockets are looked at, and their flows
// stay in the kernel.
func TestSocketsAreLookedAtWhileThePipelineIsBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		night := true
		p := newPipeline(t, oneByte, func(context.Context, pmetric.Metrics) error {
			if night {
				time.Sleep(9*time.Hour + 30*time.Minute)
			}
			night = false
			return nil
		})
		var looks []time.Duration
		p.sweep = func(context.Context) error {
			looks = append(looks, time.Since(p.start).Round(time.Hour))
			return errors.New("and however that ends")
		}
		p.run(t, 9*time.Hour+30*time.Minute+2*time.Second)
		assert.Len(t, looks, 9, "each hour until it is free")
		assert.Equal(t, []string{"1s: 1", "9h30m1s: 2"}, p.exported)
		p.stop(t)
	})
}

func TestAnEndedFlowIsMarkedOnceItWasAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := false
		once := func(ctx context.Context, visit func(*flow.Delta)) (flow.Report, error) {
			if seen {
				return flow.Report{}, nil
			}
			seen = true
			return oneByte(ctx, visit)
		}
		p := newPipeline(t, once, failing(nil, errBusy, nil, errBusy))
		p.cfg.FlowIdleTimeout = 0
		p.run(t, time.Minute)
		assert.Equal(t, []string{"1s: 1", "11s: 1", "11.1s: 1", "21s: end", "21.1s: end"}, p.exported)
		p.stop(t)
	})
}

func TestASweepThatEndsEarlyCountsWhatItSaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		early := func(ctx context.Context, visit func(*flow.Delta)) (flow.Report, error) {
			report, _ := oneByte(ctx, visit)
			return report, errors.New("iterator was restarted")
		}
		p := newPipeline(t, early, accept)
		p.run(t, 12*time.Second)
		assert.Equal(t, []string{"1s: 1", "11s: 2"}, p.exported)
		p.stop(t)
	})
}
