// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package score

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCompare(t *testing.T) {
	var faults []Fault
	var problems []Problem
	for i := range 20 {
		faults = append(faults, loss(1000*i, 1000*i+60))
		problems = append(problems, said(string(rune('a'+i)), "rise", 1000*i+10, pair))
	}
	agree := func(a, b Score) map[string]bool {
		all := make(map[string]bool)
		for _, one := range Compare(a, b) {
			all[one.Name] = one.Agree()
		}
		return all
	}
	good, fair, poor := Of(faults, problems, time.Hour), Of(faults, problems[:18], time.Hour), Of(faults, problems[:5], time.Hour)
	require.NotContains(t, agree(good, fair), false)
	for name, yes := range agree(good, fair) {
		require.True(t, yes, name)
	}
	require.Equal(t, map[string]bool{
		"recall": false, "type right": false, "AC@1": false, "AC@3": false, "level right": false, "precision": true,
	}, agree(good, poor))
	require.Equal(t, agree(good, poor), agree(poor, good))
	for _, one := range Compare(good, Of(nil, nil, time.Hour)) {
		require.False(t, one.Known(), one.Name)
	}
}
