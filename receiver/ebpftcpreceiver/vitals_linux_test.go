// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build amd64 || arm64

package ebpftcpreceiver

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/tcpbpf"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadatatest"
)

// What the kernel counts of itself leaves as the receiver's own telemetry: the
// connections that the test made and the configuration excludes, the run time of
// each program, where they are attached, and how much room there is.
func TestKernelsVitalsLeaveAsTelemetry(t *testing.T) {
	root.Require(t)
	statistics, err := tcpbpf.EnableStatistics()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, statistics.Close()) })
	older(t)
	const connections = 20
	host := netns.New(t)
	listener := host.Listen("127.0.0.1:0")
	answerTwice(t, host) // that a listener has dropped a request lets what sees drops run
	tt, set, _ := telemetry(t)
	var opened kernel
	factory := newFactory(newPool(func(cfg *Config) (_ kernel, err error) {
		opened, err = openBPF(cfg)
		return opened, err
	}, now))
	cfg := factory.CreateDefaultConfig().(*Config)
	cfg.InitialDelay = time.Hour // Shutdown exports
	cfg.MaxFlows = 70_000
	cfg.Exclude = []RuleConfig{ours(t, listener)}
	r, err := factory.CreateMetrics(t.Context(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	v, err := opened.Vitals()
	require.NoError(t, err)
	exchange(t, host, listener, connections, 10, 10)
	talk6(t, host) // runs what sees IPv6 only
	refuse(t, host)
	answerTwice(t, host)
	require.NoError(t, r.Shutdown(t.Context()))

	metadatatest.AssertEqualEbpfTCPExcluded(t, tt, count(2*connections), ignoreTime...)
	limit := func(name string, n int64) metricdata.DataPoint[int64] {
		return count(n, attribute.String("map", name))[0]
	}
	metadatatest.AssertEqualEbpfTCPMapLimit(t, tt, []metricdata.DataPoint[int64]{
		limit("flows", 70_000), limit("overflow", 1024), limit("owners", 70_000),
	}, ignoreTime...)
	ran, err := tt.GetMetric("otelcol_ebpf_tcp_program_time")
	require.NoError(t, err)
	require.Len(t, ran.Data.(metricdata.Sum[float64]).DataPoints, len(v.programs))
	for _, program := range ran.Data.(metricdata.Sum[float64]).DataPoints {
		assert.Positive(t, program.Value, program.Attributes)
	}
	hooks, err := tt.GetMetric("otelcol_ebpf_tcp_hook")
	require.NoError(t, err)
	require.Len(t, hooks.Data.(metricdata.Gauge[int64]).DataPoints, len(v.hooks))
	for _, hook := range hooks.Data.(metricdata.Gauge[int64]).DataPoints {
		assert.EqualValues(t, 1, hook.Value, hook.Attributes)
	}
}

// older holds a connection, so that there is something to adopt: in this process's
// namespace, which has a path.
func older(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	conn, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
}

// talk6 connects over IPv6.
func talk6(t *testing.T, host *netns.NS) {
	t.Helper()
	conn, err := host.Dial(host.Listen("[::1]:0").Addr().String())
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}

// ours is a rule that matches this test's connections to a listener, and nobody
// else's to the same port elsewhere.
func ours(t *testing.T, listener *net.TCPListener) RuleConfig {
	t.Helper()
	executable, err := os.Executable()
	require.NoError(t, err)
	name := filepath.Base(executable)
	return RuleConfig{
		Ports:     []int{listener.Addr().(*net.TCPAddr).Port},
		Processes: []string{name[:min(len(name), 20)] + "*"}, // a name may be longer than a pattern
	}
}

// answerTwice runs what sees SYN-ACKs that are sent again, and ends by a RST of the socket's: of
// others older kernels do not tell.
func answerTwice(t *testing.T, host *netns.NS) {
	t.Helper()
	nft.New(t, host).DropSome(nft.Input, 0, 1, nft.Flags(nft.SYN|nft.ACK))
	conn, err := host.Dial(host.Listen("127.0.0.1:0").Addr().String())
	require.NoError(t, err)
	require.NoError(t, conn.SetLinger(0))
	require.NoError(t, conn.Close())
}

// refuse runs what sees resets only.
func refuse(t *testing.T, host *netns.NS) {
	t.Helper()
	_, err := host.Dial("127.0.0.1:1")
	require.ErrorIs(t, err, unix.ECONNREFUSED)
}
