// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package table is the table of kernels and features in README.md.
package table

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tcpwhy/tcpwhy/internal/testutil/kernel"
	"github.com/tcpwhy/tcpwhy/internal/vmtest/outcome"
)

// A Table tells which kernel has which features, by their names. Kernels that
// nobody looked at are not in it.
type Table map[kernel.Kernel]map[string]bool

// Each feature is tried out by a subtest of its name.
const (
	prober = "/internal/testutil/kernel"
	probes = "TestTable/"
)

// Learn takes from a package's outcome what its kernel has, if the package is
// the one that tries features out.
func (t Table) Learn(k kernel.Kernel, p *outcome.Package) error {
	for _, test := range p.Tests {
		name, is := strings.CutPrefix(test.Name, probes)
		if !is || !strings.HasSuffix(p.Path, prober) {
			continue
		}
		i := slices.IndexFunc(kernel.Features, func(f kernel.Feature) bool { return strings.ReplaceAll(f.Name, " ", "_") == name })
		if i < 0 {
			return fmt.Errorf("find the feature of %s: none of that name", test.Name)
		}
		if t[k] == nil {
			t[k] = make(map[string]bool)
		}
		t[k][kernel.Features[i].Name] = test.Status == outcome.Pass
	}
	return nil
}

// Between these lines of a document stands the table.
const (
	begin = "<!-- kernels: written by `make test-kernels UPDATE=1` -->\n"
	end   = "<!-- end -->\n"
)

const (
	yes = "✓"
	no  = "–"
)

// Replace returns the document with this table in it. Of kernels that are not in
// the table, what the document says of them stays.
func (t Table) Replace(document string) (string, error) {
	head, block, tail, err := cut(document)
	if err != nil {
		return "", err
	}
	whole := parse(block)
	for k, features := range t {
		whole[k] = features
	}
	return head + begin + whole.String() + end + tail, nil
}

// Find returns the table that stands in a document.
func Find(document string) (Table, error) {
	_, block, _, err := cut(document)
	return parse(block), err
}

func cut(document string) (head, block, tail string, err error) {
	head, rest, found := strings.Cut(document, begin)
	block, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", "", "", errors.New("find table of kernels: its marks are missing")
	}
	return head, block, tail, nil
}

// String returns the table in Markdown.
func (t Table) String() string {
	var b strings.Builder
	b.WriteString("| kernel feature |")
	for _, k := range kernel.Kernels {
		fmt.Fprintf(&b, " %s |", k)
	}
	b.WriteString(" what it is for here |\n|---|" + strings.Repeat("---|", len(kernel.Kernels)) + "---|\n")
	for _, f := range kernel.Features {
		fmt.Fprintf(&b, "| %s |", f.Name)
		for _, k := range kernel.Kernels {
			b.WriteString(" " + t.cell(k, f.Name) + " |")
		}
		fmt.Fprintf(&b, " %s |\n", f.Use)
	}
	return b.String()
}

func (t Table) cell(k kernel.Kernel, feature string) string {
	has, known := t[k][feature]
	switch {
	case !known:
		return "?"
	case has:
		return yes
	}
	return no
}

// parse reads what String writes, also of other features and kernels than today's.
func parse(block string) Table {
	t := make(Table)
	var kernels []kernel.Kernel
	for line := range strings.Lines(block) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case len(cells) < 3 || strings.HasPrefix(cells[0], "-"):
		case kernels == nil:
			for _, name := range cells[1 : len(cells)-1] {
				kernels = append(kernels, kernel.Kernel(name))
				t[kernel.Kernel(name)] = make(map[string]bool)
			}
		default:
			t.read(kernels, cells)
		}
	}
	return t
}

func (t Table) read(kernels []kernel.Kernel, cells []string) {
	for i, k := range kernels {
		if cell := cells[1+i]; cell == yes || cell == no {
			t[k][cells[0]] = cell == yes
		}
	}
}
