// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What was done to packets in another shop is told of no more: its faults had the same
// numbers.
func TestForget(t *testing.T) {
	_, s := supervised(t)
	_, err := s.Inject(lossy)
	require.NoError(t, err)
	for _, name := range []string{truthFile(1, "node-1"), truthFile(12, "node-3"), "shop.log"} {
		require.NoError(t, os.WriteFile(s.folder.file(name), []byte("of before"), 0o644))
	}
	records, err := s.Records()
	require.NoError(t, err)
	var names []string
	for _, record := range records {
		names = append(names, filepath.Base(record))
	}
	require.Equal(t, []string{"truth-1-node-1.csv", "truth-12-node-3.csv", "history.json"}, names)

	require.NoError(t, s.folder.forget())
	for _, record := range records {
		require.NoFileExists(t, record)
	}
	require.FileExists(t, s.folder.file("shop.log"))
	require.NoError(t, s.folder.forget(), "there is nothing to forget")
}
