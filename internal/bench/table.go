// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// A table is printed at once, when all of it is known.
type table struct {
	title string
	rows  [][]string
	notes []string
}

func newTable(title string, columns ...string) *table {
	t := &table{title: title}
	if len(columns) > 0 {
		t.row(columns...)
	}
	return t
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

// note adds a line below the table.
func (t *table) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

func (t *table) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintf(w, "\n%s\n\n", t.title)
	for _, cells := range t.rows {
		fmt.Fprintf(w, "  %s\n", strings.Join(cells, "\t"))
	}
	for _, note := range t.notes {
		fmt.Fprintf(w, "  (%s)\n", note)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print table: %w", err)
	}
	return nil
}

// number formats a figure with as many digits as it deserves.
func number(v float64) string {
	switch {
	case v >= 100 || v == 0 || v <= -100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10 || v <= -10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}
