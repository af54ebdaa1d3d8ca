// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// brokenFolder is where a process of its own finds the file of [TestAFileWithBrokenPages].
const brokenFolder = "TCPWHY_TEST_BROKEN_FOLDER"

// What the README says of a file whose inner pages are broken: it ends the process, whatever recreate says, since
// the database panics in a goroutine of its own. Without the file all is well. If that is not so any more, the README
// has to change.
func TestAFileWithBrokenPages(t *testing.T) {
	if folder := os.Getenv(brokenFolder); folder != "" {
		_, err := openStore(folder, os.Getenv("TCPWHY_TEST_RECREATE") == "true")
		require.NoError(t, err)
		return
	}
	folder := t.TempDir()
	client, err := openStore(folder, false)
	require.NoError(t, err)
	require.NoError(t, client.Set(t.Context(), problemsKey, make([]byte, 10_000)))
	require.NoError(t, client.Close(t.Context()))
	file := filepath.Join(folder, cellarFile)
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	clear(whole[2*os.Getpagesize():]) // what comes after are the database's own two
	for _, recreate := range []string{"false", "true"} {
		require.NoError(t, os.WriteFile(file, whole, 0o600))
		output, err := inAProcess(t, folder, recreate)
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "recreate is %s: %s", recreate, output)
		assert.Contains(t, output, "panic: assertion failed: Page expected to be", "recreate is %s", recreate)
		assert.Contains(t, output, "bbolt.(*DB).freepages", "recreate is %s", recreate)
	}
	require.NoError(t, os.Remove(file))
	output, err := inAProcess(t, folder, "false")
	require.NoError(t, err, output)
}

// inAProcess opens the file in a process of its own, and returns what that printed.
func inAProcess(t *testing.T, folder, recreate string) (output string, err error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), brokenFolder+"="+folder, "TCPWHY_TEST_RECREATE="+recreate)
	all, err := command.CombinedOutput()
	return string(all), err
}

// openStore opens the file of a processor named tcp_anomaly, as file_storage does.
func openStore(folder string, recreate bool) (storage.Client, error) {
	factory := filestorage.NewFactory()
	cfg := factory.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory, cfg.Recreate = folder, recreate
	opened, err := factory.Create(context.Background(), extension.Settings{
		ID: component.MustNewID("file_storage"), TelemetrySettings: componenttest.NewNopTelemetrySettings(),
	}, cfg)
	if err != nil {
		return nil, err
	}
	return opened.(storage.Extension).GetClient(context.Background(), component.KindProcessor, component.MustNewID("tcp_anomaly"), "")
}
