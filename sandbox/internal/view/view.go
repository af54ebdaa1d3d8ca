// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"cmp"
	"fmt"
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
	watched  string // file of what a collector says; none: nobody watches
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

	width, height int // of the terminal, in cells
}

// Run shows the console until it is left. Problems are read from the file of verdicts, or
// else from that of the collector which the shop says that it has.
func Run(console *supervise.Console, verdicts string) error {
	m := model{console: console, verdicts: verdicts, menu: menu{shop: shop.Standard()}, width: 80, height: 24}
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
	n.watched = cmp.Or(m.verdicts, n.status.Verdicts)
	if n.watched != "" {
		n.problems, n.err = verdict.Read(n.watched)
	}
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
	case tea.WindowSizeMsg:
		m.width, m.height = message.Width, message.Height
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
