// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/diagnose"
)

func TestAFewNeedlessProbesAreMild(t *testing.T) {
	for value, mild := range map[float64]bool{.006: true, .03: false} {
		p := client(steady(3, func(r *diagnose.Report) { r.Retransmits[diagnose.RetransmitProbe], r.Spurious = 14, 14 }))
		p.Needless = rise(.0002, value)
		found := diagnose.Diagnose(&p)
		require.Len(t, found, 1)
		assert.Equal(t, mild, found[0].Mild, "%g", value)
	}
}

func TestNeedlessEpisodesAreNoLoss(t *testing.T) {
	for _, test := range []struct{ episodes, sent, spurious, lost uint64 }{
		{14, 14, 14, 0}, {14, 14, 0, 14}, {10, 40, 10, 7}, {3, 5, 20, 0}, {2, 0, 0, 2},
	} {
		r := diagnose.Report{Episodes: test.episodes, Spurious: test.spurious}
		r.Retransmits[diagnose.RetransmitFast] = test.sent
		assert.Equal(t, test.lost, r.Lost(), "%+v", test)
		assert.Equal(t, test.episodes, r.Lost()+r.Needless(), "%+v", test)
	}
}
