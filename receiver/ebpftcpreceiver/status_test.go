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
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	logtest "go.uber.org/zap/zaptest/observer"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadatatest"
)

// telemetry is what a receiver says about itself.
func telemetry(t *testing.T) (*componenttest.Telemetry, receiver.Settings, *logtest.ObservedLogs) {
	t.Helper()
	tt := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, tt.Shutdown(context.WithoutCancel(t.Context()))) })
	set := metadatatest.NewSettings(tt)
	core, logs := logtest.New(zap.InfoLevel)
	set.Logger = zap.New(core)
	return tt, set, logs
}

func count(value int64, attributes ...attribute.KeyValue) []metricdata.DataPoint[int64] {
	return []metricdata.DataPoint[int64]{{Value: value, Attributes: attribute.NewSet(attributes...)}}
}

func messages(logs *logtest.ObservedLogs) (all []string) {
	for _, entry := range logs.TakeAll() {
		all = append(all, entry.Level.String()+": "+entry.Message)
	}
	return all
}

func TestStatusOfFlows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tt, set, _ := telemetry(t)
		p := newPipeline(t, func(_ context.Context, visit func(*flow.Delta)) (flow.Report, error) {
			for n := range uint32(5) {
				d := flow.Delta{Key: clientKey(n, n), Opened: 1}
				d.Live[1] = 2
				visit(&d)
			}
			report := flow.Report{Described: 10}
			report.Lost[flow.LostRecursion] = 7
			return report, nil
		}, accept)
		p.cfg.MaxFlows = 2
		p.Metrics = p.create(t, set)
		p.run(t, time.Second)
		ignore := []metricdatatest.Option{metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars()}
		metadatatest.AssertEqualEbpfTCPFlows(t, tt, count(2), ignore...)
		metadatatest.AssertEqualEbpfTCPFlowsOverflow(t, tt, count(3), ignore...)
		metadatatest.AssertEqualEbpfTCPConnections(t, tt, count(10), ignore...)
		lost := make([]metricdata.DataPoint[int64], 0, len(lostReasons))
		for reason, value := range [flow.NumLostReasons]int64{flow.LostOverflow: 3, flow.LostRecursion: 7} {
			lost = append(lost, count(value, attribute.String("reason", lostReasons[reason]))...)
		}
		metadatatest.AssertEqualEbpfTCPLost(t, tt, lost, ignore...)
		metadatatest.AssertEqualEbpfTCPSweepDuration(t, tt,
			[]metricdata.HistogramDataPoint[float64]{{Count: 1}}, append(ignore, metricdatatest.IgnoreValue())...)
		p.stop(t)
	})
}

func TestStatusOfExports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tt, set, logs := telemetry(t)
		p := newPipeline(t, oneByte, failing(errBusy, errBusy, nil, errInvalid))
		p.Metrics = p.create(t, set)
		p.run(t, 12*time.Second)
		p.stop(t)
		ignore := []metricdatatest.Option{metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars()}
		metadatatest.AssertEqualEbpfTCPExportRetries(t, tt, count(2), ignore...)
		metadatatest.AssertEqualEbpfTCPExportDropped(t, tt, count(2), ignore...)
		assert.Equal(t, []string{
			"warn: export was not accepted; it is repeated with the latest totals",
			"info: export is accepted again",
			"error: drop data points",
		}, messages(logs))
	})
}

func TestStatusOfSweeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tt, set, logs := telemetry(t)
		errs := []error{errors.New("no memory"), errors.New("no memory"), nil, errors.New("no memory"), nil}
		p := newPipeline(t, func(context.Context, func(*flow.Delta)) (flow.Report, error) {
			err := errs[0]
			errs = errs[1:]
			return flow.Report{}, err
		}, accept)
		p.Metrics = p.create(t, set)
		p.run(t, 32*time.Second)
		p.stop(t)
		metadatatest.AssertEqualEbpfTCPCollectErrors(t, tt, count(3),
			metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
		const early = "error: sweep ended early; what it did not read comes with a later one"
		assert.Equal(t, []string{early, early}, messages(logs), "where a trouble begins")
	})
}

func TestASweepCutShortByShutdownIsNoTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, set, logs := telemetry(t)
		first := true
		p := newPipeline(t, func(ctx context.Context, _ func(*flow.Delta)) (flow.Report, error) {
			if first {
				first = false
				<-ctx.Done()
			}
			return flow.Report{}, ctx.Err()
		}, accept)
		p.Metrics = p.create(t, set)
		p.run(t, 2*time.Second)
		p.stop(t)
		assert.Empty(t, messages(logs))
	})
}
