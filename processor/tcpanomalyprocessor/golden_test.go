// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/plogtest"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/pmetrictest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/diagnose"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

var update = flag.Bool("update", false, "write anew what leaves the processor, into testdata/golden")

// Each folder of testdata/golden is a case: config.yaml is the processor's, in.yaml what
// receivers tell, and logs.yaml, metrics.yaml and telemetry.txt are what leaves. What a case
// has to open stands in in.yaml, where -update does not write. Where there is an
// in.binpb.zst, that is what receivers told: internal/recording/cut makes it of a recording.
func TestGolden(t *testing.T) {
	cases, err := filepath.Glob("testdata/golden/*/in.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, path := range cases {
		folder := filepath.Dir(path)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			r := readScript(t, path)
			s, added := playCase(t, folder, r)
			logs, metrics, sums, telemetry := s.end()
			assert.InDeltaMapValues(t, added, sums, 1e-9, "what goes through adds up to what came")
			assert.ElementsMatch(t, r.Opens, opened(logs, names.ProblemState, names.ProblemType), r.About)
			assert.Subset(t, r.Tells, opened(logs, names.AnomalyState, names.AnomalyType), r.About)
			assert.Subset(t, opened(logs, names.AnomalyState, names.AnomalyType), r.Tells, r.About)
			assertWords(t, logs, r)
			assertFilters(t, logs, s.metricsBehind.AllMetrics())
			compare(t, folder, logs, metrics, telemetry)
		})
	}
}

// playCase plays what a folder has, and returns what its sums add up to.
func playCase(t *testing.T, folder string, r *script) (*stage, map[string]float64) {
	config := filepath.Join(folder, "config.yaml")
	if pieces := readPieces(t, filepath.Join(folder, "in.binpb.zst")); len(pieces) > 0 {
		return playPieces(t, config, pieces)
	}
	s := startStage(t, config)
	return s, s.play(r)
}

// Each rule that metrics reach has a case that opens it, and one beside it that does not; testdata/golden/README.md
// says which. Each pair is there twice: composed, and recorded off real sockets.
func TestGoldenHasEachRule(t *testing.T) {
	table, err := os.ReadFile("testdata/golden/README.md")
	require.NoError(t, err)
	missing, cases := types(), readCases(t)
	for _, row := range ruleRow.FindAllStringSubmatch(string(table), -1) {
		code, kind, name := row[1], row[2], row[3]
		assert.Equal(t, code, missing[kind], "the rule of %s, once", kind)
		delete(missing, kind)
		for _, name := range []string{name, name + "-recorded"} {
			hit, near := cases[name], cases[name+"-not"]
			if assert.NotNil(t, hit, name) && assert.NotNil(t, near, name+"-not") {
				assert.Contains(t, slices.Concat(hit.Opens, hit.Tells), kind, name)
				assert.NotContains(t, near.Opens, kind, name+"-not")
				assert.Contains(t, row[0], "["+name+"]("+name+"/in.yaml), [not]("+name+"-not/in.yaml)")
			}
		}
	}
	assert.Empty(t, missing, "types without a row")
	for name := range cases {
		if hit := strings.TrimSuffix(name, "-not"); hit == name {
			assert.Contains(t, string(table), name, "a case that nobody tells of")
		} else {
			assert.Contains(t, cases, hit, "a near miss of nothing")
		}
	}
}

// ruleRow has the rule, the type and the composed case.
var ruleRow = regexp.MustCompile("(?m)^\\| (F\\d+) \\| `(\\w+)` \\| \\[([\\w-]+)\\].*$")

// types are all that rules call what they find, with the rule.
func types() map[string]string {
	all := map[string]string{ // what rules call in other ways, too
		"tcp_tail_loss": "F6", "tcp_window_scale_zero": "F2", "tcp_reordering": "F6", "tcp_incast": "F19",
	}
	for _, rule := range diagnose.Rules() {
		all[rule.Type] = rule.Code
	}
	return all
}

// readCases returns what each folder's in.yaml says.
func readCases(t *testing.T) map[string]*script {
	t.Helper()
	paths, err := filepath.Glob("testdata/golden/*/in.yaml")
	require.NoError(t, err)
	cases := make(map[string]*script)
	for _, path := range paths {
		cases[filepath.Base(filepath.Dir(path))] = readScript(t, path)
	}
	return cases
}

// opened are the types of what was opened, by the attributes that say so.
func opened(logs plog.Logs, state, kind string) (types []string) {
	if logs.ResourceLogs().Len() == 0 {
		return nil
	}
	for _, record := range logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
		if state, ok := record.Attributes().Get(state); ok && state.Str() == "open" {
			value, _ := record.Attributes().Get(kind)
			types = append(types, value.Str())
		}
	}
	return types
}

// assertWords asserts what bodies say.
func assertWords(t *testing.T, logs plog.Logs, r *script) {
	t.Helper()
	var said strings.Builder
	for _, rl := range logs.ResourceLogs().All() {
		for _, record := range rl.ScopeLogs().At(0).LogRecords().All() {
			said.WriteString(record.Body().Str() + "\n")
		}
	}
	for _, words := range r.Says {
		assert.Contains(t, said.String(), words, r.About)
	}
	for _, words := range r.Unsaid {
		assert.NotContains(t, said.String(), words, r.About)
	}
}

// compare compares what left with what a folder has, or writes it there.
func compare(t *testing.T, folder string, logs plog.Logs, metrics pmetric.Metrics, telemetry string) {
	t.Helper()
	logsPath, metricsPath, telemetryPath := filepath.Join(folder, "logs.yaml"), filepath.Join(folder, "metrics.yaml"), filepath.Join(folder, "telemetry.txt")
	if *update {
		require.NoError(t, golden.WriteLogsToFile(logsPath, logs))
		require.NoError(t, golden.WriteMetricsToFile(metricsPath, metrics, golden.SkipMetricTimestampNormalization()))
		require.NoError(t, os.WriteFile(telemetryPath, []byte(telemetry), 0o644))
		return
	}
	wantLogs, err := golden.ReadLogs(logsPath)
	require.NoError(t, err)
	require.NoError(t, plogtest.CompareLogs(wantLogs, logs))
	wantMetrics, err := golden.ReadMetrics(metricsPath)
	require.NoError(t, err)
	require.NoError(t, pmetrictest.CompareMetrics(wantMetrics, metrics, pmetrictest.IgnoreMetricDataPointsOrder()))
	wantTelemetry, err := os.ReadFile(telemetryPath)
	require.NoError(t, err)
	assert.Equal(t, string(wantTelemetry), telemetry)
}
