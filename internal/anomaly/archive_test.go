// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what leaves anew into the archives")

// Each archive in testdata is a story: what came when, what left then, and what was
// counted. Its parts are, in any order:
//
//	config     settings of the processor
//	in 12s     comes 12 s after the start
//	out 20s    leaves at the end of an interval, 20 s after the start
//	refused 20s  is not accepted
//	end 20s    leaves at the end of the processor
//	passed     is what was handed on at once
//	telemetry  is what was counted
func TestArchives(t *testing.T) {
	archives, err := filepath.Glob("testdata/*/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, archives)
	for _, path := range archives {
		t.Run(strings.TrimSuffix(path, ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			require.NoError(t, err)
			newStory(t, archive).tell(archive)
			if *update {
				require.NoError(t, os.WriteFile(path, txtar.Format(archive), 0o644))
			}
		})
	}
}

// A story is a processor whose time stands still.
type story struct {
	t        *testing.T
	now      time.Time
	next     consumertest.MetricsSink
	refusing error
	p        *MetricsSide
}

func newStory(t *testing.T, archive *txtar.Archive) *story {
	t.Helper()
	s := &story{t: t, now: second(-1e-9).AsTime()}
	cfg := CreateDefaultConfig().(*Config)
	for _, file := range archive.Files {
		if file.Name == "config" {
			path := filepath.Join(t.TempDir(), "config.yaml")
			require.NoError(t, os.WriteFile(path, file.Data, 0o600))
			conf, err := confmaptest.LoadConf(path)
			require.NoError(t, err)
			require.NoError(t, conf.Unmarshal(cfg))
		}
	}
	require.NoError(t, cfg.Validate())
	s.p = NewMetricsSide(settingsOf(componenttest.NewNopTelemetrySettings()), cfg, s)
	s.p.open = func(context.Context) (openDirectory, error) { return market(), nil }
	s.p.clock = Clock{Now: func() time.Time { return s.now }, Tick: func(time.Duration) (<-chan time.Time, func()) {
		return nil, func() {}
	}}
	require.NoError(t, s.p.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, s.p.Shutdown(context.Background())) })
	s.p.reducer.instance = "gateway"
	return s
}

// Capabilities and ConsumeMetrics make a story the next consumer of its processor.
func (s *story) Capabilities() consumer.Capabilities { return s.next.Capabilities() }

func (s *story) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	if s.refusing != nil {
		return s.refusing
	}
	return s.next.ConsumeMetrics(ctx, md)
}

func (s *story) tell(archive *txtar.Archive) {
	for i := range archive.Files {
		file := &archive.Files[i]
		what, when, _ := strings.Cut(file.Name, " ")
		if when != "" {
			s.now = second(float(s.t, strings.TrimSuffix(when, "s"))).AsTime()
		}
		var got string
		switch what {
		case "config":
			continue
		case "in":
			if md := s.p.Process(parse(s.t, string(file.Data))); md.ResourceMetrics().Len() > 0 {
				require.NoError(s.t, s.next.ConsumeMetrics(s.t.Context(), md))
			}
			continue
		case "refused":
			s.refusing = assert.AnError
			s.p.export(s.t.Context())
			s.refusing = nil
		case "out":
			s.p.export(s.t.Context())
			got = s.left()
		case "end":
			s.p.end(s.t.Context())
			got = s.left()
		case "passed":
			got = s.left()
		case "telemetry":
			got = s.telemetry()
		default:
			require.FailNow(s.t, "unknown part", file.Name)
		}
		if *update {
			file.Data = []byte(got)
		}
		assert.Equal(s.t, string(file.Data), got, "%s: go test -run Archives -update writes it anew", file.Name)
	}
}

// left returns what has left since the last time.
func (s *story) left() string {
	all := pmetric.NewMetrics()
	for _, md := range s.next.AllMetrics() {
		md.ResourceMetrics().MoveAndAppendTo(all.ResourceMetrics())
	}
	s.next.Reset()
	return write(all)
}

func (s *story) telemetry() string {
	var b strings.Builder
	stats := s.p.reducer.table.Stats
	inputs, outputs := s.p.reducer.table.Len()
	for _, line := range []struct {
		name  string
		value uint64
	}{
		{"input series", uint64(inputs)},
		{"series", uint64(outputs)},
		{"baselines", stats.Baselines},
		{"resets", stats.Resets},
		{"ahead", stats.Ahead},
		{"late", stats.Late},
		{"forgotten", stats.Forgotten},
		{"duplicate", stats.Duplicate},
		{"overflow", stats.Overflow},
		{"refused", stats.Refused},
		{"invalid", stats.Invalid},
	} {
		if line.value != 0 {
			b.WriteString(line.name + ": " + strconv.FormatUint(line.value, 10) + "\n")
		}
	}
	return b.String()
}
