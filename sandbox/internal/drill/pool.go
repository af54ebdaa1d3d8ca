// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/score"
)

// Files of several drills together.
const (
	poolFile     = "pooled.json"
	poolPageFile = "pooled.html"
)

// A Pool is what is known about several drills together.
type Pool struct {
	Drills    []Drilled       `json:"drills"`
	Score     score.Score     `json:"score"`
	Summaries []score.Summary `json:"summaries"` // the first is of all faults
	Targets   []score.Target  `json:"targets"`

	reports []Report
}

// A Drilled is one of a pool's drills. What was done and said in it is in its own report.
type Drilled struct {
	Plan   string    `json:"plan"`
	Seed   uint64    `json:"seed"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Errors []string  `json:"errors,omitempty"`
	Load   Load      `json:"load"`
}

// NewPool scores several drills together. A drill that is there twice is an error: it would
// count twice.
func NewPool(reports []Report) (p Pool, err error) {
	for i, r := range reports {
		if slices.ContainsFunc(reports[:i], func(o Report) bool { return r.Start.Equal(o.Start) }) {
			return p, fmt.Errorf("pool reports: one drill, of %s, is there twice", r.Start.UTC().Format(time.DateTime))
		}
		p.Drills = append(p.Drills, Drilled{r.Plan.Name, r.Plan.Seed, r.Start, r.End, r.Errors, r.Load})
		p.Score.Outcomes = append(p.Score.Outcomes, r.Score.Outcomes...)
		p.Score.False = append(p.Score.False, r.Score.False...)
		p.Score.Watched += r.Score.Watched
	}
	p.reports = reports
	p.Summaries, p.Targets = Summaries(p.Score), p.Score.Targets()
	return p, nil
}

// Write writes the pool into a folder, as JSON and as a page.
func (p *Pool) Write(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := writeJSON(filepath.Join(folder, poolFile), p); err != nil {
		return err
	}
	return p.sheet().write(filepath.Join(folder, poolPageFile))
}

func (p *Pool) sheet() *sheet {
	var seeds []string
	for _, one := range p.Drills {
		seeds = append(seeds, fmt.Sprint(one.Seed))
	}
	s := &sheet{Title: fmt.Sprintf("%d fault drills together, seeds %s", len(p.Drills), strings.Join(seeds, ", ")), Score: p.Score, Summaries: p.Summaries, Targets: p.Targets}
	for i := range p.reports {
		s.Drills = append(s.Drills, &p.reports[i])
	}
	return s
}
