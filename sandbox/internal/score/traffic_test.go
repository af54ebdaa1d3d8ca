// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package score

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestByTraffic(t *testing.T) {
	little, more, much, most := loss(100, 160), loss(400, 460), loss(700, 760), loss(1000, 1060)
	little.Segments, more.Segments, much.Segments, most.Segments = 999, 1000, 2000, 1e6
	s := Of([]Fault{little, more, much, most}, []Problem{said("1", "rise", 410, pair), said("2", "rise", 710, pair)}, time.Hour)
	all := s.ByTraffic()
	require.Len(t, all, 3)
	require.Equal(t, []Share{NewShare(0, 1), NewShare(1, 1), NewShare(1, 2)}, []Share{all[0].Recall, all[1].Recall, all[2].Recall})
	require.Empty(t, Of(nil, nil, time.Hour).ByTraffic())
}
