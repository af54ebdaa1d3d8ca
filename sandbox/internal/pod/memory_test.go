// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/witness"
)

// What is long ago is forgotten, and only that.
func TestMemory(t *testing.T) {
	var m memory
	began := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for i := range 1000 {
		m.add(witness.Call{End: began.Add(time.Duration(i) * time.Second), Took: time.Duration(i)})
	}
	all := m.since(time.Time{})
	require.Len(t, all, int(recall.Seconds())+1)
	require.EqualValues(t, 999, all[len(all)-1].Took)
	last := m.since(began.Add(990 * time.Second))
	require.Len(t, last, 10)
	require.EqualValues(t, 990, last[0].Took)
	require.Equal(t, all, m.since(time.Time{}), "who asks changes nothing")
}
