// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build amd64 || arm64

package ebpftcpreceiver

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadata"
)

// What the kernel counted leaves as metrics: the whole way, for each connection
// from both of its ends.
func TestTrafficLeavesAsMetrics(t *testing.T) {
	root.Require(t)
	host := netns.New(t)
	sink := new(consumertest.MetricsSink)
	factory := newFactory(newPool(openBPF, now))
	cfg := factory.CreateDefaultConfig().(*Config)
	switchOffAllBut(names.FlowIO)(cfg)
	cfg.InitialDelay = time.Hour // Shutdown exports
	r, err := factory.CreateMetrics(t.Context(), receivertest.NewNopSettings(metadata.Type), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))

	const connections, request, answer = 20, 1000, 70_000
	listener := host.Listen("127.0.0.1:0")
	port := int64(listener.Addr().(*net.TCPAddr).Port)
	exchange(t, host, listener, connections, request, answer)
	require.NoError(t, r.Shutdown(t.Context()))

	got := flowsAtPort(t, sink, port)
	assert.Equal(t, map[string]int64{
		"client transmit": connections * request,
		"client receive":  connections * answer,
		"server transmit": connections * answer,
		"server receive":  connections * request,
	}, got)
}

// exchange makes connections, one after the other, that ask and are answered.
func exchange(t *testing.T, host *netns.NS, listener *net.TCPListener, connections, request, answer int) {
	t.Helper()
	var server sync.WaitGroup
	server.Go(func() {
		for range connections {
			conn, err := listener.Accept()
			if !assert.NoError(t, err) {
				return
			}
			_, err = io.ReadFull(conn, make([]byte, request))
			assert.NoError(t, err)
			_, err = conn.Write(make([]byte, answer))
			assert.NoError(t, err)
			assert.NoError(t, conn.Close())
		}
	})
	for range connections {
		conn, err := host.Dial(listener.Addr().String())
		require.NoError(t, err)
		_, err = conn.Write(make([]byte, request))
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, conn)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
	server.Wait()
}

// flowsAtPort are the bytes by role and direction of the flows of this process
// with that server port.
func flowsAtPort(t *testing.T, sink *consumertest.MetricsSink, port int64) map[string]int64 {
	t.Helper()
	executable, err := os.Executable()
	require.NoError(t, err)
	sums := map[string]int64{}
	for _, md := range sink.AllMetrics() {
		for _, rm := range md.ResourceMetrics().All() {
			for _, p := range rm.ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().All() {
				if !isServerPort(p.Attributes(), port) {
					continue
				}
				resource := rm.Resource().Attributes().AsRaw()
				assert.EqualValues(t, os.Getpid(), resource[names.ProcessPID])
				assert.Equal(t, filepath.Base(executable), resource[names.ProcessExecutableName])
				role, _ := p.Attributes().Get(names.HandshakeRole)
				direction, _ := p.Attributes().Get(names.IODirection)
				sums[role.Str()+" "+direction.Str()] += p.IntValue()
			}
		}
	}
	return sums
}

func isServerPort(attributes pcommon.Map, port int64) bool {
	source, isServer := attributes.Get(names.SourcePort)
	destination, isClient := attributes.Get(names.DestinationPort)
	return isServer && source.Int() == port || isClient && destination.Int() == port
}
