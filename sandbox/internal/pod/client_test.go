// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/witness"
)

// Each call is remembered with the time that it took whoever made it, also what it waited
// for a place in the pool, and whether it failed. What ended before is not asked for.
func TestCallsAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(Target{Service: "service-b", Protocol: "none", Addresses: []string{""}, Timeout: time.Second})
		p := &Pod{clients: []*client{c}}
		require.Error(t, c.ask(t.Context()), "nobody speaks that")
		time.Sleep(time.Minute)
		began := time.Now()
		c.behave(Call{Pool: 1, Hold: 300 * time.Millisecond})
		for range 2 {
			go func() { _ = c.ask(t.Context()) }()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, map[string][]witness.Call{"service-b": {
			{End: began.Add(300 * time.Millisecond), Took: 300 * time.Millisecond, Failed: true},
			{End: began.Add(600 * time.Millisecond), Took: 600 * time.Millisecond, Failed: true},
		}}, p.Calls(began))
		require.Len(t, p.Calls(time.Time{})["service-b"], 3)
	})
}
