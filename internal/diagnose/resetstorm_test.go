// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/diagnose"
)

// TestWhoGivesUpIsNoFault of its own: what it waited for is.
func TestWhoGivesUpIsNoFault(t *testing.T) {
	for _, byServer := range []bool{true, false} {
		p := client(steady(3, func(r *diagnose.Report) { r.ResetsReceived, r.Closed = 5, 10 }))
		p.Resets, p.Client = rise(.001, .5), byServer
		found := diagnose.Diagnose(&p)
		require.Len(t, found, 1)
		assert.Equal(t, "tcp_reset_storm", found[0].Type)
		assert.Equal(t, !byServer, found[0].Mild)
	}
}
