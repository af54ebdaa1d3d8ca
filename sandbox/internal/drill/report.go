// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/score"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/verdict"
)

// A Report is all that is known about a drill.
type Report struct {
	Plan       Plan                  `json:"plan"`
	Start      time.Time             `json:"start"`
	End        time.Time             `json:"end"`
	Errors     []string              `json:"errors,omitempty"` // what went wrong in the drill itself
	Load       Load                  `json:"load"`
	Injections []supervise.Injection `json:"injections"`
	Problems   []score.Problem       `json:"problems"`
	Score      score.Score           `json:"score"`
	Summaries  []score.Summary       `json:"summaries"` // the first is of all faults
	Targets    []score.Target        `json:"targets"`
}

// rate scores what was said by what was done.
func (r *Report) rate() {
	r.Score = score.Of(r.truths(shop.Standard()), r.Problems, r.End.Sub(r.Start))
	r.Summaries, r.Targets = Summaries(r.Score), r.Score.Targets()
}

func (r *Report) write(out string) error {
	if err := writeJSON(filepath.Join(out, reportFile), r); err != nil {
		return err
	}
	return r.sheet().write(filepath.Join(out, pageFile))
}

func writeJSON(path string, content any) error {
	raw, err := json.MarshalIndent(content, "", "  ")
	if err == nil {
		err = os.WriteFile(path, raw, 0o644)
	}
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// Check is for CI: an error if of the faults that are expected to be seen none was. A
// collector or a shop that ended, a report that was not written, and what was not removed
// are errors of the drill itself.
func Check(r Report) error {
	if all := r.Summaries[0]; all.Recall.Is == 0 {
		return fmt.Errorf("check drill: of %d faults that can be seen none was found", all.Recall.Of)
	}
	return nil
}

// ReadReport reads a report that was written, and scores it by the rules of today and by
// what its plan expects, so that those of two drills can be compared. Plans that do not
// say it yet expect what the catalogue says.
func ReadReport(path string) (r Report, err error) {
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, &r)
	}
	if err != nil {
		return r, fmt.Errorf("read report %s: %w", path, err)
	}
	for i, step := range r.Plan.Steps {
		if step.Expect == nil {
			r.Plan.Steps[i] = step.expecting()
		}
	}
	r.rate()
	return r, nil
}

// Judge scores what another collector said of the same hour, in a file, instead of what was said.
func (r *Report) Judge(verdicts string) error {
	if _, err := os.Stat(verdicts); err != nil {
		return fmt.Errorf("score verdicts: %w", err)
	}
	problems, err := verdict.Read(verdicts)
	if err != nil {
		return err
	}
	r.Problems = problems
	r.rate()
	return nil
}

// Summaries are the score of all faults, and then of each kind.
func Summaries(s score.Score) []score.Summary {
	all := []score.Summary{s.Summarise("all", func(string) bool { return true })}
	all = append(all, s.ByTraffic()...)
	var names []string
	for _, o := range s.Outcomes {
		names = append(names, o.Fault.Name)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		all = append(all, s.Summarise(name, func(fault string) bool { return fault == name }))
	}
	return all
}
