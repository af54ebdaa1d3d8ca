// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"os"
	"slices"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/score"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{"seconds": seconds, "witnessed": witnessed}).Parse(pageText))

// A bar is a line in the picture of what happened when.
type bar struct {
	X, Width, Y        float64
	Color, Text, Title string
}

// The picture's measures.
const (
	labels = 360. // width of what is written before the bars
	width  = 900. // of the bars
	height = 18.  // of a line
)

// A sheet is what a page shows: the score of one drill or of several, and a picture of each.
type sheet struct {
	Title     string
	Drills    []*Report
	Score     score.Score
	Summaries []score.Summary
	Targets   []score.Target
}

func (r *Report) sheet() *sheet {
	return &sheet{fmt.Sprintf("Fault drill “%s”, seed %d", r.Plan.Name, r.Plan.Seed), []*Report{r}, r.Score, r.Summaries, r.Targets}
}

func (s *sheet) write(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	if err := errors.Join(page.Execute(file, s), file.Close()); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

// A picture is of what happened when: bars in lines, and where lines of time are.
type picture struct {
	Bars, Ticks                   []bar
	Middle, Bottom, Height, Width float64
}

// Picture is that of a drill.
func (r *Report) Picture() picture {
	bars := r.bars()
	bottom := height * float64(len(bars)+3)
	return picture{bars, r.ticks(), height * (float64(len(r.Score.Outcomes)) + 1.5), bottom, bottom + height, labels + width}
}

func (r *Report) x(t time.Time) float64 {
	return labels + width*t.Sub(r.Start).Seconds()/r.End.Sub(r.Start).Seconds()
}

// ticks are five minutes apart.
func (r *Report) ticks() (all []bar) {
	for at := time.Duration(0); at <= r.End.Sub(r.Start); at += 5 * time.Minute {
		all = append(all, bar{X: r.x(r.Start.Add(at)), Text: fmt.Sprintf("%.0f min", at.Minutes())})
	}
	return all
}

// bars draws faults above and problems below.
func (r *Report) bars() (all []bar) {
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
		text := fmt.Sprintf("%s, %s", f.Name, f.Place)
		all = append(all, bar{r.x(f.Start), r.x(f.End) - r.x(f.Start), height * float64(i+1), color, text, text})
	}
	for i, p := range r.Problems {
		end, color, text := p.Closed, "#2980b9", p.Type
		if end.IsZero() {
			end = r.End
		}
		if slices.ContainsFunc(r.Score.False, func(one score.Problem) bool { return one.ID == p.ID }) {
			color = "#c0392b"
		}
		if len(p.Candidates) > 0 {
			text += ", " + p.Candidates[0].String()
		}
		y := height * float64(len(r.Score.Outcomes)+i+2)
		all = append(all, bar{r.x(p.Detected), max(3, r.x(end)-r.x(p.Detected)), y, color, text, p.Title})
	}
	return all
}
