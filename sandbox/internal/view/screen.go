// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
)

// What a screen consists of, in lines. All of it fits into 24 lines of 80 cells, and what
// a larger one has more goes to faults and problems.
const (
	cell    = 26 // cells of a service, three of which are in a line of 80
	choices = 3  // lines of what can be chosen
	others  = 7  // headings, spaces, what was said last, and the keys
)

// View draws all.
func (m model) View() tea.View {
	services, choose := m.services(), m.choose()
	room := max(2, m.height-len(services)-len(choose)-others)
	lines := append(services, "", "FAULTS")
	lines = append(lines, fill(m.faults(), room/2)...)
	problems := "PROBLEMS"
	if m.now.watched == "" {
		problems += "  none can be told: no collector watches, see sandbox up --collector"
	}
	lines = append(lines, "", problems)
	lines = append(lines, fill(m.problems(), room-room/2)...)
	lines = append(lines, "")
	lines = append(lines, choose...)
	lines = append(lines, m.said, "↑↓ move  ⏎ choose  ← back  l end the latest fault  q quit")
	lines = last(lines, max(1, m.height)) // the menu stays
	for i, line := range lines {
		lines[i] = ansi.Truncate(strings.ReplaceAll(line, "\n", " "), m.width, "…")
	}
	v := tea.NewView(strings.Join(lines, "\n"))
	v.AltScreen = true
	return v
}

func last[T any](all []T, n int) []T { return all[max(0, len(all)-n):] }

// fill takes the last lines, and adds empty ones until there are so many.
func fill(lines []string, n int) []string {
	lines = last(lines, n)
	return append(lines, make([]string, n-len(lines))...)
}

func (m model) faults() (lines []string) {
	for _, one := range m.now.history {
		at := one.Start
		if one.State() == supervise.Ended {
			at = one.End
		}
		lines = append(lines, fmt.Sprintf("%3d %-6s %s %s, %s, dropped %d of %d", one.ID, one.State(), at.Format(time.TimeOnly), one.Fault, one.Place, one.Stats.Dropped, one.Stats.Packets))
	}
	return lines
}

func (m model) problems() (lines []string) {
	for _, p := range m.now.problems {
		state := "open"
		if !p.Closed.IsZero() {
			state = "closed"
		}
		lines = append(lines, fmt.Sprintf("    %-6s %s %s", state, p.Detected.Format(time.TimeOnly), p.Title))
	}
	return lines
}

// services tells what each service answered since the last time, and which of its calls
// failed.
func (m model) services() []string {
	type row struct{ served, failed float64 }
	rows, seconds := make(map[string]row), m.now.at.Sub(m.before.at).Seconds()
	sum := func(n news, sign float64) {
		for _, p := range n.status.Pods {
			r := rows[p.Service]
			r.served += sign * float64(p.Calls[""].Done) / seconds
			for callee, c := range p.Calls {
				if callee != "" {
					r.failed += sign * float64(c.Failed) / seconds
				}
			}
			rows[p.Service] = r
		}
	}
	if len(m.before.status.Pods) > 0 {
		sum(m.now, 1)
		sum(m.before, -1)
	}
	columns := max(1, min(3, m.width/cell))
	height := (len(m.menu.shop.Services) + columns - 1) / columns
	lines := make([]string, height)
	for i, s := range m.menu.shop.Services {
		r := rows[s.Name]
		lines[i%height] += fmt.Sprintf("%s %-13s %4.0f %4.0f  ", strings.TrimPrefix(s.Name, "service-"), s.Protocol, r.served, r.failed)
	}
	head := "SERVICES, answers/s, failed calls/s"
	if m.now.err != nil {
		head = m.now.err.Error()
	}
	return append([]string{head}, lines...)
}

// choose shows what was chosen and the lines around what the cursor is at.
func (m model) choose() []string {
	lines, at := []string{""}, 0
	for i, option := range m.menu.options() {
		text := strings.TrimPrefix(option, "service-") + "  "
		if i == m.menu.cursor {
			text = "[" + option + "] "
		}
		if ansi.StringWidth(lines[len(lines)-1]+text) > m.width && lines[len(lines)-1] != "" {
			lines = append(lines, "")
		}
		lines[len(lines)-1] += text
		if i == m.menu.cursor {
			at = len(lines) - 1
		}
	}
	from := max(0, min(at-1, len(lines)-choices))
	lines = lines[from:min(len(lines), from+choices)]
	head := fmt.Sprintf("INJECT  %s: choose a %s", strings.Join(m.menu.chosen, " / "), steps[len(m.menu.chosen)])
	if len(m.menu.chosen) == 0 {
		head = "INJECT  choose a " + steps[0]
	}
	return append([]string{head}, fill(lines, choices)...)
}
