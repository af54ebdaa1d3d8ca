// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/tcpwhy/tcpwhy/internal/anomaly/internal/metadatatest"
)

// A cellar is a host with contrib's file_storage.
type cellar struct{ extension extension.Extension }

func (c *cellar) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{component.MustNewID("file_storage"): c.extension}
}

// openCellar is what a collector does with the extension at its start.
func openCellar(t *testing.T, folder string) *cellar {
	t.Helper()
	factory := filestorage.NewFactory()
	cfg := factory.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory = folder
	require.NoError(t, cfg.Validate())
	opened, err := factory.Create(t.Context(), extension.Settings{
		ID: component.MustNewID("file_storage"), TelemetrySettings: componenttest.NewNopTelemetrySettings(),
	}, cfg)
	require.NoError(t, err)
	require.NoError(t, opened.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, opened.Shutdown(context.Background())) })
	return &cellar{opened}
}

// The file of a processor named tcp_anomaly.
const cellarFile = "processor_tcp_anomaly_"

// A problem that is open when a collector ends keeps its id in the next one, and is closed
// there.
func TestAProblemOutlivesARestartInAFile(t *testing.T) {
	folder := t.TempDir()
	cfg := stored(t, "file_storage")
	p := startMetrics(t, cfg, openCellar(t, folder), morning)
	logs := p.startLogs(cfg)
	p.lose(func() {})
	require.Eventually(t, func() bool { return len(p.problems()) == 1 }, 10*time.Second, time.Millisecond)
	opened := p.problems()[0]
	require.NoError(t, p.metrics.Shutdown(t.Context()))
	require.NoError(t, logs.Shutdown(t.Context()))
	require.FileExists(t, filepath.Join(folder, cellarFile))

	cfg = stored(t, "file_storage")
	again := startMetrics(t, cfg, openCellar(t, folder), p.metrics.clock.Now())
	again.startLogs(cfg)
	for n := range 12 {
		again.tell(200_000+5000*n, 1000+150*n)
	}
	for n := range 30 {
		again.tell(300_000+5000*n, 3000)
	}
	last := func() string {
		all := again.problems()
		if len(all) == 0 {
			return ""
		}
		return text(all[len(all)-1], "tcp.problem.state")
	}
	require.Eventually(t, func() bool { return last() == "close" }, 10*time.Second, time.Millisecond)
	for _, told := range again.problems() {
		assert.Equal(t, text(opened, "tcp.problem.id"), text(told, "tcp.problem.id"))
		assert.NotEqual(t, "open", text(told, "tcp.problem.state"), "it was open already")
	}
}

// refused starts a processor that has to refuse its storage, and returns why.
func refused(t *testing.T, host component.Host) error {
	t.Helper()
	cfg, err := load(t, map[string]any{"storage": "file_storage"})
	assert.NoError(t, err)
	p := NewMetricsSide(settingsOf(componenttest.NewNopTelemetrySettings()), cfg, nil)
	err = p.Start(t.Context(), host)
	assert.NoError(t, p.Shutdown(t.Context()))
	return err
}

const whatToDo = ": check that its directory can be written, and remove a file that is broken"

func TestAFileThatIsNoDatabase(t *testing.T) {
	for what, content := range map[string][]byte{
		"zeros": make([]byte, 64<<10), "text": []byte("problems"),
	} {
		t.Run(what, func(t *testing.T) {
			folder := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(folder, cellarFile), content, 0o600))
			err := refused(t, openCellar(t, folder))
			require.ErrorContains(t, err, "storage: open file_storage: ")
			require.ErrorContains(t, err, whatToDo)
		})
	}
}

// A database that is whole, with something in it that are no problems.
func TestAFileThatHasSomethingElse(t *testing.T) {
	folder := t.TempDir()
	opened := openCellar(t, folder)
	client, err := opened.extension.(storage.Extension).GetClient(t.Context(), component.KindProcessor, component.MustNewID("tcp_anomaly"), "")
	require.NoError(t, err)
	require.NoError(t, client.Set(t.Context(), problemsKey, []byte("{")))
	require.NoError(t, client.Close(t.Context()))
	p := startMetrics(t, stored(t, "file_storage"), opened, morning)
	failures := []metricdata.DataPoint[int64]{{Value: 1}}
	metadatatest.AssertEqualTCPAnomalyStorageFailures(t, p.self, failures, metricdatatest.IgnoreTimestamp())
	p.lose(func() {})
	assert.Equal(t, 1, p.metrics.desk.engine.Sizes().Problems)
}

func TestAFolderThatCannotBeWritten(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(folder), 0o755))
	require.NoError(t, os.Chmod(folder, 0o555))
	opened := openCellar(t, folder)
	outcome := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with what is set of it
		if os.Geteuid() == 0 {
			_ = syscall.Setfsuid(65534) // root may write anywhere
		}
		outcome <- refused(t, opened)
	}()
	err := <-outcome
	require.ErrorContains(t, err, "storage: open file_storage: open "+filepath.Join(folder, cellarFile)+": permission denied")
	require.ErrorContains(t, err, whatToDo)
}
