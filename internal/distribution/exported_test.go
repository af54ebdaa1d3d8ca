// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution

package distribution

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// values returns the values of a page's lines that hold all of the texts.
func values(page string, texts ...string) (found []string) {
line:
	for line := range strings.Lines(page) {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue line
			}
		}
		found = append(found, strings.TrimSpace(line[strings.LastIndex(line, "} ")+2:]))
	}
	return found
}

// fileTotal returns the bytes, both ways, that a file of OTLP JSON last tells of
// the client of a port.
func fileTotal(t *testing.T, path string, port int64) int64 {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()

	last := make(map[string]int64) // by direction
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		metrics, err := new(pmetric.JSONUnmarshaler).UnmarshalMetrics(lines.Bytes())
		require.NoError(t, err)
		for _, point := range pointsOf(metrics, "tcp.flow.io") {
			if to, ok := point.Attributes().Get("destination.port"); ok && to.Int() == port && !point.Flags().NoRecordedValue() {
				direction, _ := point.Attributes().Get("network.io.direction")
				last[direction.Str()] = point.IntValue()
			}
		}
	}
	require.NoError(t, lines.Err())
	return last["transmit"] + last["receive"]
}

// pointsOf returns the data points of the sums of one name.
func pointsOf(metrics pmetric.Metrics, name string) (points []pmetric.NumberDataPoint) {
	for _, resource := range metrics.ResourceMetrics().All() {
		for _, scope := range resource.ScopeMetrics().All() {
			for _, metric := range scope.Metrics().All() {
				if metric.Name() != name {
					continue
				}
				for _, point := range metric.Sum().DataPoints().All() {
					points = append(points, point)
				}
			}
		}
	}
	return points
}
