// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// A shelf is a storage extension, and its own client and host.
type shelf struct {
	storage.Client
	component.StartFunc
	component.ShutdownFunc
	kept map[string][]byte
	full error // what is said to more
}

func newShelf() *shelf { return &shelf{Client: storage.NewNopClient(), kept: make(map[string][]byte)} }

func (s *shelf) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{component.MustNewID("shelf"): s}
}

func (s *shelf) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return s, nil
}

func (s *shelf) Get(_ context.Context, key string) ([]byte, error) { return s.kept[key], nil }

func (s *shelf) Set(_ context.Context, key string, value []byte) error {
	if s.full == nil {
		s.kept[key] = value
	}
	return s.full
}

func stored(t *testing.T, id string) *Config {
	t.Helper()
	cfg, err := load(t, map[string]any{
		"identity": map[string]any{"static": map[string]any{"file": writeIdentities(t)}}, "storage": id,
	})
	require.NoError(t, err)
	return cfg
}

// A fault that outlasts a restart is one problem.
func TestAProblemOutlivesARestart(t *testing.T) {
	shelf := newShelf()
	cfg := stored(t, "shelf")
	p := startMetrics(t, cfg, shelf, morning)
	p.startLogs(cfg)
	p.lose(func() {})
	require.Eventually(t, func() bool { return len(p.problems()) == 1 }, 10*time.Second, time.Millisecond)
	opened := p.problems()[0]
	require.NoError(t, p.metrics.Shutdown(t.Context()))

	cfg = stored(t, "shelf")
	again := startMetrics(t, cfg, shelf, p.metrics.clock.Now())
	again.startLogs(cfg)
	for n := range 12 {
		again.tell(200_000+5000*n, 1000+150*n)
	}
	require.Eventually(t, func() bool { return len(again.problems()) > 0 }, 10*time.Second, time.Millisecond)
	found := again.problems()[0]
	assert.Equal(t, "update", text(found, "tcp.problem.state"))
	for _, name := range []string{"tcp.problem.id", "tcp.problem.display_id", "tcp.problem.type"} {
		assert.Equal(t, text(opened, name), text(found, name), name)
	}
	for n := range 30 {
		again.tell(300_000+5000*n, 3000)
	}
	last := func() string { all := again.problems(); return text(all[len(all)-1], "tcp.problem.state") }
	require.Eventually(t, func() bool { return last() == "close" }, 10*time.Second, time.Millisecond)
	for _, problem := range again.problems() {
		assert.Equal(t, text(opened, "tcp.problem.id"), text(problem, "tcp.problem.id"))
	}
}

func TestStorageThatIsNotThere(t *testing.T) {
	for id, want := range map[string]string{"attic": "storage: there is no extension attic: add it to service::extensions"} {
		p := NewMetricsSide(startMetrics(t, stored(t, "shelf"), newShelf(), morning).metrics.set, stored(t, id), nil)
		assert.EqualError(t, p.Start(t.Context(), newShelf()), want)
	}
}

func TestWhatIsKeptCannotBeRead(t *testing.T) {
	shelf := newShelf()
	shelf.kept[problemsKey] = []byte("{")
	p := startMetrics(t, stored(t, "shelf"), shelf, morning)
	p.lose(func() {})
	assert.Equal(t, 1, p.metrics.desk.engine.Sizes().Problems)
}

// Who stores problems and looks for none is told so.
func TestNothingToStore(t *testing.T) {
	for enabled, want := range map[bool]int{true: 0, false: 1} {
		cfg := stored(t, "shelf")
		cfg.Detection.Enabled = enabled
		core, told := observer.New(zapcore.WarnLevel)
		startWith(t, cfg, newShelf(), morning, func(p *MetricsSide) { p.set.Logger = zap.New(core) })
		assert.Equal(t, want, told.FilterMessageSnippet("nothing is stored").Len(), "detection: %v", enabled)
	}
}
