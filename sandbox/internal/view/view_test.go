// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
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

// Problems are read from where the shop says that its collector writes them, unless the
// person says another file; without either the screen says why there are none.
func TestWhereProblemsAre(t *testing.T) {
	folder, err := os.MkdirTemp("", "view") // a socket's path must be short
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	said := func(name string) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1","eventName":"tcp.flow.problem","attributes":[`+
			`{"key":"tcp.problem.id","value":{"stringValue":"1"}},{"key":"tcp.problem.state","value":{"stringValue":"open"}},`+
			`{"key":"tcp.problem.title","value":{"stringValue":"Said in `+name+`"}}]}]}]}]}`+"\n"), 0o644))
		return path
	}
	shops, mine := said("shops.json"), said("mine.json")
	var told supervise.Status
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(told) })
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("[]")) })
	listener, err := net.Listen("unix", filepath.Join(folder, "control.sock"))
	require.NoError(t, err)
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })

	shown := func(verdicts string) string {
		m := model{console: supervise.NewConsole(folder), verdicts: verdicts, menu: menu{shop: shop.Standard()}, width: 100, height: 30}
		next, _ := m.Update(m.ask())
		return next.View().Content
	}
	require.Contains(t, shown(""), "no collector watches, see sandbox up --collector")
	told.Verdicts = shops
	require.Contains(t, shown(""), "Said in shops.json")
	require.NotContains(t, shown(""), "no collector")
	require.Contains(t, shown(mine), "Said in mine.json")
	require.NotContains(t, shown(mine), "Said in shops.json")
}
