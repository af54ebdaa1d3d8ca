// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution

package distribution

import (
	"encoding/json"
	"flag"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

var prometheus = flag.String("prometheus", "", "path of a Prometheus server; make test-distribution builds one")

// A server is a Prometheus server on the shipped configuration.
type server struct{ *collector }

// typeLabels is the server's feature that makes the type of a series a label:
// nothing else tells it of what was pushed.
const typeLabels = "type-and-unit-labels"

func startServer(t testing.TB, ns *netns.NS, features ...string) server {
	t.Helper()
	require.NotEmpty(t, *prometheus, "flag -prometheus is missing: run make test-distribution")
	s := server{start(t, ns, t.TempDir(), *prometheus,
		"--config.file="+impatient(t, "../../config/prometheus/prometheus.yml"),
		"--storage.tsdb.path="+t.TempDir(),
		"--web.listen-address=127.0.0.1:9090",
		"--web.enable-otlp-receiver",
		"--enable-feature="+strings.Join(append(features, typeLabels), ","),
	)}
	s.await("ready", func() bool {
		status, _ := s.get("127.0.0.1:9090", "/-/ready")
		return status == http.StatusOK
	})
	return s
}

// impatient returns a copy of a configuration that scrapes more often.
func impatient(t testing.TB, path string) string {
	t.Helper()
	const interval = "scrape_interval: 10s"
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(content), interval)
	path = filepath.Join(t.TempDir(), filepath.Base(path))
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(content), interval, "scrape_interval: 200ms", 1)), 0o600))
	return path
}

// A sample is what a query says of one series.
type sample struct {
	Labels map[string]string `json:"metric"`
	Value  [2]any            // time, and the number as text
}

// query returns all that a PromQL expression now says.
func (s server) query(expression string) []sample {
	s.t.Helper()
	status, body := s.get("127.0.0.1:9090", "/api/v1/query?query="+url.QueryEscape(expression))
	require.Equal(s.t, http.StatusOK, status, "%s: %s", expression, body)
	var answer struct {
		Data struct{ Result []sample }
	}
	require.NoError(s.t, json.Unmarshal([]byte(body), &answer))
	return answer.Data.Result
}

// values returns the values of a query by a label that tells its series apart.
func (s server) values(expression, label string) map[string]float64 {
	s.t.Helper()
	values := make(map[string]float64)
	for _, sample := range s.query(expression) {
		key := sample.Labels[label]
		require.NotContains(s.t, values, key, "two series of one %s in %s", label, expression)
		values[key] = s.number(sample.Value[1])
	}
	return values
}

func (s server) number(text any) float64 {
	s.t.Helper()
	number, err := strconv.ParseFloat(text.(string), 64)
	require.NoError(s.t, err)
	return number
}

// requireValues waits until a query has exactly these values by label.
func (s server) requireValues(want map[string]float64, expression, label string) {
	s.t.Helper()
	requireSoon(s.t, want, func() map[string]float64 { return s.values(expression, label) }, expression)
}

// requireSoon waits until have returns want.
func requireSoon[T any](t testing.TB, want T, have func() T, about string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		got := have()
		if assert.ObjectsAreEqual(want, got) {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			require.Equal(t, want, got, about)
		}
	}
}
