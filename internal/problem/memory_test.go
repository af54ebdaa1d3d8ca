// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package problem_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/problem"
)

// The register goes by a time of its own. What is kept goes by the clock, which the next one starts with.
func TestTheClockIsAhead(t *testing.T) {
	before := problem.NewRegister(10, patient)
	before.Observe(at(20), []problem.Finding{loss(pair("j", "k"), 0, "jk")}, nil)
	saved, err := before.Save(time.Hour)
	require.NoError(t, err)

	after := problem.NewRegister(10, patient)
	require.NoError(t, after.Load(saved))
	told := after.Observe(at(3690), []problem.Finding{loss(pair("j", "k"), 3670, "jk")}, nil)
	require.Len(t, told, 1)
	assert.Equal(t, []time.Time{at(3600), at(3620)}, []time.Time{told[0].Problem.Start, told[0].Problem.Detected})
	told = before.Observe(at(1000), nil, ended(30, "loss jk"))
	require.Len(t, told, 1)
	assert.Equal(t, at(0), told[0].Problem.Start, "its own stay")
}

// A clock that was wrong when problems were saved, by years, keeps none of them open.
func TestNothingIsFromTheFuture(t *testing.T) {
	before := problem.NewRegister(10, calm)
	before.Observe(at(20), []problem.Finding{loss(pair("j", "k"), 0, "jk")}, nil)
	saved, err := before.Save(10 * 365 * 24 * time.Hour)
	require.NoError(t, err)

	after := problem.NewRegister(10, calm)
	require.NoError(t, after.Load(saved))
	require.Empty(t, after.Observe(at(60), nil, nil))
	closed := after.Observe(at(181), nil, nil)
	require.Equal(t, []string{"close P-260304-001 pair k8s/service-j → k8s/service-k"}, told(closed))
	p := closed[0].Problem
	assert.Equal(t, []time.Time{at(60), at(60), at(60)}, []time.Time{p.Start, p.Detected, p.End})
}
