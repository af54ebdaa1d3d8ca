// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build amd64 || arm64

package ebpftcpreceiver

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// Connections are refused, more than there may be events: what was sent and what was
// dropped add up to them, with a metrics pipeline and without one.
func TestFailuresLeaveAsLogs(t *testing.T) {
	for name, withMetrics := range map[string]bool{"with metrics": true, "alone": false} {
		t.Run(name, func(t *testing.T) {
			root.Require(t)
			const refused, limit = 120, 20
			host := netns.New(t)
			to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 77, byte(os.Getpid() >> 8), byte(os.Getpid())}), 9)
			tt, set, _ := telemetry(t)
			factory := newFactory(newPool(openBPF, now))
			cfg := factory.CreateDefaultConfig().(*Config)
			cfg.Include = []RuleConfig{{CIDRs: []netip.Prefix{netip.PrefixFrom(to.Addr(), 32)}}}
			cfg.InitialDelay = time.Hour // Shutdown exports
			cfg.Events.ConnectionFailed = EventConfig{Enabled: true, MaxPerSecond: limit}
			switchOffAllBut(names.FlowConnectionFailed)(cfg)
			sink, metricsSink := new(consumertest.LogsSink), new(consumertest.MetricsSink)
			logs, err := factory.CreateLogs(t.Context(), set, cfg, sink)
			require.NoError(t, err)
			all := []component.Component{logs}
			if withMetrics {
				metrics, err := factory.CreateMetrics(t.Context(), nopSettings(), cfg, metricsSink)
				require.NoError(t, err)
				all = append(all, metrics)
			}

			for _, r := range all {
				require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
			}
			begin := uint64(time.Now().UnixNano())
			for range refused {
				_, err := host.Dial(to.String())
				require.ErrorIs(t, err, unix.ECONNREFUSED)
			}
			end := uint64(time.Now().UnixNano())
			for _, r := range all {
				require.NoError(t, r.Shutdown(t.Context()))
			}

			sent := requireRefusals(t, sink, to, begin, end)
			assert.GreaterOrEqual(t, sent, limit)
			assert.Equal(t, sent, int(sumOf(t, tt, "otelcol_ebpf_tcp_events_sent")))
			assert.Equal(t, refused-sent, int(sumOf(t, tt, "otelcol_ebpf_tcp_events_dropped")))
			if withMetrics {
				point := metricsSink.AllMetrics()[0].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().At(0)
				assert.EqualValues(t, refused, point.IntValue())
			}
		})
	}
}

// requireRefusals checks all records, and returns how many there are.
func requireRefusals(t *testing.T, sink *consumertest.LogsSink, to netip.AddrPort, begin, end uint64) (n int) {
	t.Helper()
	executable, err := os.Executable()
	require.NoError(t, err)
	const tolerance = uint64(time.Millisecond) // the clocks are not read at once
	for _, ld := range sink.AllLogs() {
		require.Equal(t, 1, ld.ResourceLogs().Len())
		rl := ld.ResourceLogs().At(0)
		resource := rl.Resource().Attributes().AsRaw()
		assert.EqualValues(t, os.Getpid(), resource[names.ProcessPID])
		assert.Equal(t, filepath.Base(executable), resource[names.ProcessExecutableName])
		for _, r := range rl.ScopeLogs().At(0).LogRecords().All() {
			n++
			assert.Equal(t, names.ConnectionFailed.Name, r.EventName())
			assert.Greater(t, uint64(r.Timestamp())+tolerance, begin)
			assert.Less(t, uint64(r.Timestamp()), end+tolerance)
			a := r.Attributes().AsRaw()
			assert.Equal(t, names.ErrorConnectionRefused, a[names.ErrorType])
			assert.Equal(t, to.Addr().String(), a[names.DestinationAddress])
			assert.EqualValues(t, to.Port(), a[names.DestinationPort])
			assert.NotZero(t, a[names.SourcePort])
		}
	}
	return n
}

func sumOf(t *testing.T, tt *componenttest.Telemetry, name string) (sum int64) {
	t.Helper()
	m, err := tt.GetMetric(name)
	require.NoError(t, err)
	for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
		sum += p.Value
	}
	return sum
}

func TestEveryEventIsKnown(t *testing.T) {
	for kind := range flow.NumEventKinds {
		assert.Equal(t, names.Events()[kind].Name, eventNames[kind])
	}
}
