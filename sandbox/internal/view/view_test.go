// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/pod"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/score"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
)

func status(served, failed uint64) supervise.Status {
	return supervise.Status{Pods: []supervise.PodStatus{{
		Pod:   shop.Pod{Name: "service-j-0", Service: "service-j"},
		Calls: map[string]pod.Counter{"": {Done: served}, "service-k": {Failed: failed}},
	}}}
}

func TestWhatIsShown(t *testing.T) {
	var m tea.Model = model{menu: menu{shop: shop.Standard()}}
	first := time.Unix(1000, 0)
	m, _ = m.Update(news{at: first, status: status(100, 0)})
	m, _ = m.Update(news{
		at: first.Add(2 * time.Second), status: status(130, 4),
		history:  []supervise.Injection{{ID: 1, Spec: fault.Spec{Fault: "loss-3", Place: fault.Place{Kind: fault.Pair, A: "service-j", B: "service-k"}}}},
		problems: []score.Problem{{Title: "Segments are lost."}},
	})
	shown := m.View().Content
	require.Contains(t, shown, "service-j   http/1.1            15.0             2.0")
	require.Contains(t, shown, "pair service-j → service-k")
	require.Contains(t, shown, "Segments are lost.")
	require.Contains(t, shown, "choose a service: [service-a] b c")
}

func TestKeys(t *testing.T) {
	var m tea.Model = model{menu: menu{shop: shop.Standard()}}
	for _, key := range []rune{tea.KeyDown, tea.KeyEnter} {
		m, _ = m.Update(tea.KeyPressMsg(tea.Key{Code: key}))
	}
	require.Equal(t, []string{"service-b"}, m.(model).menu.chosen)
	_, quit := m.Update(tea.KeyPressMsg(tea.Key{Code: 'q', Text: "q"}))
	require.Equal(t, tea.Quit(), quit())
}
