// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution

package distribution

import (
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// A problem that is open when the collector is told to end is the same one in the next
// collector, which finds it in a file.
func TestAProblemOutlivesTheCollector(t *testing.T) {
	ns, folder := netns.New(t), t.TempDir()
	linkConfigurations(t, folder)
	collect := func(state string) (id string) {
		began, refused := time.Now(), 0
		c := binary(t, ns, folder, gatewayConfiguration, "processors::tcp_anomaly::interval: 1s",
			"processors::tcp_anomaly::storage: file_storage", "extensions::file_storage::directory: "+folder,
			"service::extensions: [health_check, file_storage]", "exporters::debug::verbosity: detailed",
			"receivers::otlp::protocols::http::endpoint: 127.0.0.1:4318")
		c.awaitReady()
		f := &forwarder{c, "127.0.0.1:4318"}
		c.await("telling of a problem", func() bool {
			refused++
			f.send(refusals(began, refused))
			id = problemIn(c.output.String(), state)
			return id != ""
		})
		c.signal(syscall.SIGTERM)
		require.NoError(t, c.awaitExit())
		return id
	}
	first := collect("open")
	require.Equal(t, first, collect("update"))
	files, err := filepath.Glob(filepath.Join(folder, "processor_tcp_anomaly*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
}

// refusals are connects to one port that were refused since a process began.
func refusals(began time.Time, n int) pmetric.Metrics {
	md := flowOf(1, began, time.Now(), n)
	m := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
	m.SetName("tcp.flow.connection.failed")
	m.SetUnit("{connection}")
	attributes := m.Sum().DataPoints().At(0).Attributes()
	attributes.Remove("network.io.direction")
	attributes.PutStr("error.type", "connection_refused")
	return md
}

var problemRecord = regexp.MustCompile(`(?s)tcp\.problem\.id: Str\((\w+)\)`)

// problemIn is the id of the problem that was told of in a state, empty if none was.
func problemIn(output, state string) string {
	for _, record := range regexp.MustCompile(`LogRecord #\d+`).Split(output, -1) {
		id := problemRecord.FindStringSubmatch(record)
		if id != nil && regexp.MustCompile(`tcp\.problem\.state: Str\(`+state+`\)`).MatchString(record) {
			return id[1]
		}
	}
	return ""
}
