// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	_ "embed"
	"fmt"
	"html/template"
	"os"
	"slices"
	"time"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// A bar is a line in the picture of what happened when.
type bar struct {
	X, Width, Y float64
	Color, Text string
}

// The picture's measures.
const (
	width  = 1100.
	height = 18.
)

func (r *Report) writePage(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	defer func() { _ = file.Close() }()
	faults, problems := r.bars()
	err = page.Execute(file, map[string]any{
		"Report": r, "Faults": faults, "Problems": problems, "Precision": r.Score.Precision(),
		"Middle": height * float64(len(faults)+1), "Height": height * float64(len(faults)+len(problems)+3), "Width": width,
		"Memory": r.Usage.Memory >> 20, "FalsePerHour": r.Score.FalsePerHour(),
	})
	if err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

// bars draws faults above and problems below.
func (r *Report) bars() (faults, problems []bar) {
	scale := width / r.End.Sub(r.Start).Seconds()
	x := func(t time.Time) float64 { return t.Sub(r.Start).Seconds() * scale }
	for i, o := range r.Score.Outcomes {
		color, f := "#c0392b", o.Fault
		switch {
		case len(f.Expect) == 0:
			color = "#7f8c8d"
		case o.Detected && o.Right && o.Rank == 1:
			color = "#27ae60"
		case o.Detected:
			color = "#e67e22"
		}
		faults = append(faults, bar{x(f.Start), x(f.End) - x(f.Start), height * float64(i+1), color, fmt.Sprintf("%s, %s", f.Name, f.Place)})
	}
	for i, p := range r.Problems {
		end, color := p.Closed, "#2980b9"
		if end.IsZero() {
			end = r.End
		}
		for _, one := range r.Score.False {
			if one.ID == p.ID {
				color = "#c0392b"
			}
		}
		y := height * float64(len(r.Score.Outcomes)+i+3)
		problems = append(problems, bar{x(p.Detected), max(3, x(end)-x(p.Detected)), y, color, p.Type + ": " + p.Title})
	}
	return slices.Clip(faults), slices.Clip(problems)
}
