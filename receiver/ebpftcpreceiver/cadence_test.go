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
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadatatest"
)

// taking is a kernel whose collections take so long by the bubble's clock, the last
// time for all that follow.
func taking(times ...time.Duration) fakeKernel {
	return func(ctx context.Context, visit func(*flow.Delta)) (flow.Report, error) {
		time.Sleep(times[0])
		if len(times) > 1 {
			times = times[1:]
		}
		return oneByte(ctx, visit)
	}
}

const (
	widened   = "warn: reading the kernel takes longer than half of the interval, which is widened"
	narrowed  = "info: reading the kernel is short again: the interval is narrowed"
	exhausted = "warn: reading the kernel takes longer than half of the widest interval: " +
		"observe less (include, exclude, cgroup) or coarser (granularity)"
)

// An export comes at the end of its collection; intervals are counted from beginning
// to beginning.
func TestALongSweepWidensTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tt, set, logs := telemetry(t)
		p := newPipeline(t, taking(time.Second, 6*time.Second), accept)
		p.Metrics = p.create(t, set)
		p.run(t, 57*time.Second)
		assert.Equal(t, []string{"2s: 1", "17s: 2", "37s: 3", "57s: 4"}, p.exported)
		assert.Equal(t, []string{widened}, messages(logs), "once per change")
		metadatatest.AssertEqualEbpfTCPCollectionInterval(t, tt, []metricdata.DataPoint[float64]{{Value: 20}}, ignoreTime...)
		p.stop(t)
	})
}

func TestAShortSweepNarrowsTheIntervalAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tt, set, logs := telemetry(t)
		p := newPipeline(t, taking(11*time.Second, time.Millisecond), accept)
		p.Metrics = p.create(t, set)
		p.run(t, (1+40*calm+20*calm+10)*time.Second)
		assert.Len(t, p.exported, 1+calm+calm, "and the next one is under way")
		assert.Equal(t, []string{widened, narrowed, narrowed}, messages(logs))
		metadatatest.AssertEqualEbpfTCPCollectionInterval(t, tt, []metricdata.DataPoint[float64]{{Value: 10}}, ignoreTime...)
		p.stop(t)
	})
}

func TestAnIntervalStaysWhereANarrowerOneWouldSoonBeTooNarrow(t *testing.T) {
	for name, took := range map[string]time.Duration{
		"half of the narrower one":                 5 * time.Second,
		"a little more than a quarter of it":       2501 * time.Millisecond,
		"just half of the one that is in force":    10 * time.Second,
		"a quarter of the one that is in force, 1": 5001 * time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			c := newCadence(nil, 10*time.Second)
			c.follow(6*time.Second, true)
			for range 3 * calm {
				c.follow(took, true)
				assert.Equal(t, 20*time.Second, c.interval)
			}
		})
	}
}

func TestOneLongSweepAmongShortOnesBeginsTheCountAgain(t *testing.T) {
	c := newCadence(nil, 10*time.Second)
	c.follow(6*time.Second, true)
	for range 3 {
		for range calm - 1 {
			c.follow(time.Second, true)
		}
		c.follow(3*time.Second, true)
	}
	assert.Equal(t, 20*time.Second, c.interval)
	for range calm {
		assert.Equal(t, 20*time.Second, c.interval)
		c.follow(2500*time.Millisecond, true)
	}
	assert.Equal(t, 10*time.Second, c.interval, "and never below what is configured:")
	for range calm {
		c.follow(0, true)
	}
	assert.Equal(t, 10*time.Second, c.interval)
}

// A collection that failed may have failed at once.
func TestASweepThatEndedEarlyNarrowsNothing(t *testing.T) {
	c := newCadence(nil, 10*time.Second)
	c.follow(6*time.Second, false)
	assert.Equal(t, 20*time.Second, c.interval, "but widens")
	for range 3 * calm {
		c.follow(time.Millisecond, false)
	}
	assert.Equal(t, 20*time.Second, c.interval)
}

func TestTheIntervalHasABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tt, set, logs := telemetry(t)
		p := newPipeline(t, taking(100*time.Second), accept)
		p.Metrics = p.create(t, set)
		p.run(t, 600*time.Second)
		assert.Equal(t, []string{"1m41s: 1", "4m21s: 2", "7m1s: 3", "9m41s: 4"}, p.exported)
		assert.Equal(t, []string{widened, exhausted}, messages(logs), "once")
		metadatatest.AssertEqualEbpfTCPCollectionInterval(t, tt, []metricdata.DataPoint[float64]{{Value: 160}}, ignoreTime...)
		p.stop(t)
	})
}

// What a shutdown cuts short says nothing.
func TestASweepCutShortWidensNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, set, logs := telemetry(t)
		first := true
		p := newPipeline(t, func(ctx context.Context, _ func(*flow.Delta)) (flow.Report, error) {
			if !first {
				return flow.Report{}, nil
			}
			first = false
			<-ctx.Done()
			return flow.Report{}, errors.Join(ctx.Err())
		}, accept)
		p.Metrics = p.create(t, set)
		p.run(t, time.Minute)
		p.stop(t)
		assert.Empty(t, messages(logs))
	})
}
