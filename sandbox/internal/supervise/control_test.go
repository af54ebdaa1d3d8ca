// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// controlled is a shop whose console is served until the test ends or it is taken down.
func controlled(t *testing.T) (*Supervisor, *Console, context.CancelFunc, chan error) {
	t.Helper()
	_, s := newFake()
	path, err := os.MkdirTemp("", "shop") // a socket's path must be short
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(path) })
	s.folder, err = openFolder(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.folder.file(socketFile), nil, 0o600), "of one that was killed")
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Control(ctx) }()
	t.Cleanup(cancel)
	console := NewConsole(path)
	for until := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if _, err := console.Status(); err == nil {
			return s, console, cancel, served
		}
		require.True(t, time.Now().Before(until), "the console is not served")
	}
}

// Whoever runs a shop, a console sees it, and is told whether a collector watches, and
// where it says what.
func TestConsole(t *testing.T) {
	s, console, _, served := controlled(t)
	status, err := console.Status()
	require.NoError(t, err)
	require.Equal(t, os.Getpid(), status.PID)
	require.Len(t, status.Pods, len(s.Shop.Pods))
	require.Empty(t, status.Verdicts)
	require.NoError(t, s.Adopt(1, "/out/verdicts.json"))
	status, err = console.Status()
	require.NoError(t, err)
	require.Equal(t, "/out/verdicts.json", status.Verdicts)
	s.Unwatched()
	status, err = console.Status()
	require.NoError(t, err)
	require.Empty(t, status.Verdicts)

	_, err = s.Inject(lossy)
	require.NoError(t, err)
	history, err := console.History()
	require.NoError(t, err)
	require.Equal(t, "loss-3", history[0].Fault, "what others injected")
	_, err = console.Lift(history[0].ID)
	require.NoError(t, err)

	require.NoError(t, console.Down())
	require.NoError(t, <-served)
	<-s.Closing()
	require.ErrorIs(t, s.Adopt(1, ""), errDown)
	history, err = s.History()
	require.ErrorIs(t, err, errDown)
	require.Len(t, history, 1, "what was done is known still")
}

// A console that is served no more removes no socket: that may be the next shop's.
func TestSocketOfTheNext(t *testing.T) {
	s, _, cancel, served := controlled(t)
	require.NoError(t, s.Down())
	require.NoFileExists(t, s.folder.file(socketFile))
	require.NoError(t, os.WriteFile(s.folder.file(socketFile), nil, 0o600))
	cancel()
	require.NoError(t, <-served)
	require.FileExists(t, s.folder.file(socketFile))
}
