// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

const (
	tableBegin  = "<!-- metrics: written by `go test -run TestReadme -update` -->\n"
	eventsBegin = "<!-- events: written by `go test -run TestReadme -update` -->\n"
	tableEnd    = "<!-- end -->\n"
)

// metricTable is the README's table of metrics.
func metricTable() string {
	var table strings.Builder
	table.WriteString("| name | kind | unit | attributes beyond those of the flow | enabled | meaning |\n|---|---|---|---|---|---|\n")
	for _, m := range names.Metrics() {
		attributes, enabled := "", "no"
		if len(m.Attributes) > 0 {
			attributes = "`" + strings.Join(m.Attributes, "`, `") + "`"
		}
		if m.PerHost {
			attributes = strings.TrimSuffix("none of a flow, "+attributes, ", ")
		}
		if m.Enabled {
			enabled = "yes"
		}
		fmt.Fprintf(&table, "| `%s` | %s | `%s` | %s | %s | %s |\n", m.Name, m.Kind, m.Unit, attributes, enabled, m.Description)
	}
	return table.String()
}

// eventTable is the README's table of events.
func eventTable() string {
	var table strings.Builder
	table.WriteString("| name | attributes beyond those of all events | meaning |\n|---|---|---|\n")
	for _, e := range names.Events() {
		fmt.Fprintf(&table, "| `%s` | `%s` | %s |\n", e.Name, strings.Join(e.Attributes, "`, `"), e.Description)
	}
	return table.String()
}

func TestReadmeListsTheMetrics(t *testing.T) { requireTable(t, tableBegin, metricTable()) }

func TestReadmeListsTheEvents(t *testing.T) { requireTable(t, eventsBegin, eventTable()) }

// requireTable compares the README's table that begins there.
func requireTable(t *testing.T, begin, want string) {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(readme), begin)
	require.True(t, found)
	table, after, found := strings.Cut(rest, tableEnd)
	require.True(t, found)
	if *update {
		table = want
		require.NoError(t, os.WriteFile("README.md", []byte(before+begin+table+tableEnd+after), 0o644))
	}
	assert.Equal(t, want, table)
}

func TestReadmeListsTheSettings(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	cfg := reflect.ValueOf(createDefaultConfig()).Elem()
	for i := range cfg.NumField() {
		key, isSetting := cfg.Type().Field(i).Tag.Lookup("mapstructure")
		if isSetting {
			assert.Contains(t, string(readme), fmt.Sprintf("- `%s` (default = %s):", key, shown(cfg.Field(i))))
		}
	}
	for i := range reflect.TypeFor[RuleConfig]().NumField() {
		if key, isSetting := reflect.TypeFor[RuleConfig]().Field(i).Tag.Lookup("mapstructure"); isSetting {
			assert.Contains(t, string(readme), fmt.Sprintf("  - `%s`: ", key))
		}
	}
}

// shown is a default value as the README writes it.
func shown(value reflect.Value) string {
	switch {
	case value.Type() == reflect.TypeFor[NATConfig]():
		return "on"
	case value.Type() == reflect.TypeFor[AttributesConfig]():
		return "off"
	case value.Kind() == reflect.Map, value.Kind() == reflect.Struct:
		return "as the table says"
	case value.Kind() == reflect.Slice, value.Kind() == reflect.String && value.IsZero():
		return "empty"
	case value.Type() == reflect.TypeFor[time.Duration]():
		return "`" + strings.Replace(fmt.Sprint(value), "m0s", "m", 1) + "`"
	default:
		return fmt.Sprintf("`%v`", value)
	}
}

// Every metric that the names declare is written, as they describe it, and no
// other one.
func TestMetricsAreAsDeclared(t *testing.T) {
	o := newTestObserver(switchOnAll)
	o.interval(10, flow.Report{}, clientDelta(), listenerDelta())
	written := map[string]pmetric.Metric{}
	for _, rm := range o.writeAll().ResourceMetrics().All() {
		for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
			written[m.Name()] = m
		}
	}
	kinds := map[pmetric.MetricType]names.Kind{
		pmetric.MetricTypeSum: names.Sum, pmetric.MetricTypeGauge: names.Gauge, pmetric.MetricTypeHistogram: names.Histogram,
	}
	for _, want := range names.Metrics() {
		got := written[want.Name]
		assert.Equal(t, want.Unit, got.Unit(), want.Name)
		assert.Equal(t, want.Description, got.Description(), want.Name)
		assert.Equal(t, want.Kind, kinds[got.Type()], want.Name)
	}
	assert.Len(t, written, len(names.Metrics()))
}

// The README's examples are configurations that are accepted.
func TestReadmeExample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	blocks := strings.Split(string(readme), "```yaml\n")
	require.Len(t, blocks, 3)
	for _, block := range blocks[1:] {
		example, _, _ := strings.Cut(block, "```")
		retrieved, err := confmap.NewRetrievedFromYAML([]byte(example))
		require.NoError(t, err)
		conf, err := retrieved.AsConf()
		require.NoError(t, err)
		sub, err := conf.Sub("receivers::ebpf_tcp")
		require.NoError(t, err)
		cfg := createDefaultConfig().(*Config)
		require.NoError(t, sub.Unmarshal(cfg))
		require.NoError(t, confmap.Validate(cfg))
	}
}
