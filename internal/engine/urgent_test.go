// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/problem"
)

// A problem that passes an absolute limit after it was opened is urgent from then on, and that is told within a minute,
// not with the next of the updates that come each five minutes. What becomes better stays urgent while it lasts.
func TestAProblemBecomesUrgent(t *testing.T) {
	for name, worse := range map[string]struct {
		first, then func(request, response *link)
		says        string // the number that made it so
	}{
		"loss": {
			func(request, _ *link) { request.loss = .01 },
			func(request, _ *link) { request.loss = .1 },
			`to (2|3)\.\d+% of data segments`,
		},
		"round trips": {
			func(request, response *link) { request.rtt, response.rtt = .02, .02 },
			func(request, response *link) { request.rtt, response.rtt = .4, .4 },
			`Round trips rose from \d\.\d+ ms to \d{3}\.\d+ ms`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, width)
			request, response := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
			w.run(60)
			worse.first(request, response)
			w.run(6)
			require.Len(t, w.told, 1)
			require.Equal(t, problem.Warn, w.last(t).Problem.Severity)
			worse.then(request, response)
			w.run(6)
			assert.Equal(t, problem.Error, w.last(t).Problem.Severity)
			assert.Len(t, w.told, 2)
			assert.Regexp(t, worse.says, w.last(t).Problem.Title)
			worse.first(request, response)
			w.run(70)
			assert.Equal(t, problem.Update, w.last(t).State)
			assert.Equal(t, problem.Error, w.last(t).Problem.Severity)
		})
	}
}
