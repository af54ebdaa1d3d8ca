// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/score"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/verdict"
)

// refresh is how often the shop is asked.
const refresh = 2 * time.Second

// A news is what was asked for last.
type news struct {
	at       time.Time
	status   supervise.Status
	history  []supervise.Injection
	problems []score.Problem
	err      error
}

// A done is what became of an injection or its end.
type done struct{ err error }

type model struct {
	console  *supervise.Console
	verdicts string
	menu     menu
	before   news
	now      news
	said     string
}

// Run shows the console until it is left.
func Run(console *supervise.Console, verdicts string) error {
	m := model{console: console, verdicts: verdicts, menu: menu{shop: shop.Standard()}}
	_, err := tea.NewProgram(m).Run()
	return err
}

func (m model) ask() tea.Msg {
	n := news{at: time.Now()}
	if n.status, n.err = m.console.Status(); n.err != nil {
		return n
	}
	if n.history, n.err = m.console.History(); n.err != nil {
		return n
	}
	n.problems, n.err = verdict.Read(m.verdicts)
	return n
}

// Init asks for the first time.
func (m model) Init() tea.Cmd { return m.ask }

// Update takes in a key or an answer.
func (m model) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	switch message := message.(type) {
	case news:
		m.before, m.now = m.now, message
		return m, tea.Tick(refresh, func(time.Time) tea.Msg { return m.ask() })
	case done:
		m.said = "done"
		if message.err != nil {
			m.said = message.err.Error()
		}
	case tea.KeyPressMsg:
		return m.press(message.String())
	}
	return m, nil
}

func (m model) press(key string) (tea.Model, tea.Cmd) {
	switch key {
	case "q", "ctrl+c":
		return m, tea.Quit
	case "up", "k":
		m.menu.move(-1)
	case "down", "j":
		m.menu.move(1)
	case "left", "backspace", "esc":
		m.menu.back()
	case "l":
		return m, m.lift
	case "enter", "right":
		if spec, ready := m.menu.choose(); ready {
			return m, func() tea.Msg {
				_, err := m.console.Inject(spec)
				return done{err}
			}
		}
	}
	return m, nil
}

// lift ends the latest fault that is there.
func (m model) lift() tea.Msg {
	for i := len(m.now.history) - 1; i >= 0; i-- {
		if one := m.now.history[i]; one.Active() {
			_, err := m.console.Lift(one.ID)
			return done{err}
		}
	}
	return done{fmt.Errorf("there is no fault to end")}
}

// View draws all.
func (m model) View() tea.View {
	var b strings.Builder
	m.services(&b)
	b.WriteString("\nFAULTS\n")
	for _, one := range last(m.now.history, 6) {
		state := "active since"
		end := one.Start
		if !one.Active() {
			state, end = "ended", one.End
		}
		fmt.Fprintf(&b, "  %d  %-24s %-36s %s %s, %d of %d packets dropped\n", one.ID, one.Fault, one.Place, state, end.Format(time.TimeOnly), one.Stats.Dropped, one.Stats.Packets)
	}
	b.WriteString("\nPROBLEMS\n")
	for _, p := range last(m.now.problems, 6) {
		state := "open"
		if !p.Closed.IsZero() {
			state = "closed"
		}
		fmt.Fprintf(&b, "  %s  %-6s %s\n", p.Detected.Format(time.TimeOnly), state, p.Title)
	}
	m.choices(&b)
	v := tea.NewView(b.String())
	v.AltScreen = true
	return v
}

func last[T any](all []T, n int) []T { return all[max(0, len(all)-n):] }

// services tells what each service answered since the last time, and which of its calls
// failed.
func (m model) services(b *strings.Builder) {
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
	b.WriteString("SERVICE     SPEAKS         ANSWERS/s  FAILED CALLS/s\n")
	for _, s := range m.menu.shop.Services {
		fmt.Fprintf(b, "%-11s %-14s %9.1f  %14.1f\n", s.Name, s.Protocol, rows[s.Name].served, rows[s.Name].failed)
	}
	if m.now.err != nil {
		fmt.Fprintf(b, "%v\n", m.now.err)
	}
}

func (m model) choices(b *strings.Builder) {
	fmt.Fprintf(b, "\nINJECT  %s\n  choose a %s: ", strings.Join(m.menu.chosen, " / "), steps[len(m.menu.chosen)])
	for i, option := range m.menu.options() {
		if i == m.menu.cursor {
			fmt.Fprintf(b, "[%s] ", option)
		} else {
			fmt.Fprintf(b, "%s ", strings.TrimPrefix(option, "service-"))
		}
	}
	fmt.Fprintf(b, "\n\n%s\n↑↓ move  ⏎ choose  ← back  l end the latest fault  q quit\n", m.said)
}
