// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package shop_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
)

func TestDemand(t *testing.T) {
	s := shop.Standard()
	require.InDelta(t, 16, s.Requests("service-b"), 1e-9)
	require.InDelta(t, .6*12.8+.6*12.8+.4*12.8, s.Requests("service-j"), 1e-9, "of e, f and h")
	edge, err := s.Edge("service-j", "service-k")
	require.NoError(t, err)
	require.InDelta(t, 20.48*19_000, s.Demand(edge), 1e-6)
	require.InDelta(t, 20.48*(3+12), s.Segments(edge), 1e-6)
	edge, err = s.Edge("service-k", "service-n")
	require.NoError(t, err)
	require.InDelta(t, 2*120_200, s.Demand(edge), 1e-6, "whoever asks")
	s.Load *= 2
	require.InDelta(t, 32, s.Requests("service-c"), 1e-9)
}
