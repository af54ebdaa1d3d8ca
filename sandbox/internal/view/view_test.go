// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"errors"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
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
	var m tea.Model = model{menu: menu{shop: shop.Standard()}, width: 80, height: 24}
	first := time.Unix(1000, 0)
	m, _ = m.Update(news{at: first, status: status(100, 0)})
	m, _ = m.Update(news{
		at: first.Add(2 * time.Second), status: status(130, 4),
		history:  []supervise.Injection{{ID: 1, Spec: fault.Spec{Fault: "loss-3", Place: fault.Place{Kind: fault.Pair, A: "service-j", B: "service-k"}}}},
		problems: []score.Problem{{Title: "Segments are lost."}},
	})
	shown := m.View().Content
	require.Contains(t, shown, "j http/1.1        15    2")
	require.Contains(t, shown, "pair service-j → service-k")
	require.Contains(t, shown, "Segments are lost.")
	require.Contains(t, shown, "[service-a] b  c")
}

// However large the terminal is, the menu is there, and no line is too long.
func TestSizes(t *testing.T) {
	for _, size := range []tea.WindowSizeMsg{{Width: 80, Height: 24}, {Width: 200, Height: 60}, {Width: 40, Height: 12}, {Width: 10, Height: 3}} {
		var m tea.Model = model{menu: menu{shop: shop.Standard()}}
		m, _ = m.Update(size)
		var history []supervise.Injection
		for i := range 50 {
			history = append(history, supervise.Injection{ID: uint16(i), Spec: fault.Spec{Fault: "loss-3", Place: fault.Place{Kind: fault.Pair, A: "service-j", B: "service-k"}}})
		}
		m, _ = m.Update(news{history: history, problems: make([]score.Problem, 50), err: errors.New("a long one:\nthe shop does not answer")})
		lines := strings.Split(m.View().Content, "\n")
		require.LessOrEqual(t, len(lines), size.Height)
		require.Contains(t, lines[len(lines)-1], "↑↓ move"[:min(7, size.Width)])
		for _, line := range lines {
			require.LessOrEqual(t, ansi.StringWidth(line), size.Width)
		}
		if size.Height >= 24 {
			require.Len(t, lines, size.Height)
			require.Contains(t, m.View().Content, "a long one: the shop")
			require.Contains(t, m.View().Content, " 49 active")
			require.Contains(t, m.View().Content, "[service-a]")
		}
	}
}

func TestKeys(t *testing.T) {
	var m tea.Model = model{menu: menu{shop: shop.Standard()}, width: 80, height: 24}
	for _, key := range []rune{tea.KeyDown, tea.KeyEnter} {
		m, _ = m.Update(tea.KeyPressMsg(tea.Key{Code: key}))
	}
	require.Equal(t, []string{"service-b"}, m.(model).menu.chosen)
	_, quit := m.Update(tea.KeyPressMsg(tea.Key{Code: 'q', Text: "q"}))
	require.Equal(t, tea.Quit(), quit())
}
