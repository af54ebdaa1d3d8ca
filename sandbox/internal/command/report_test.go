// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/drill"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/score"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
)

// drilled writes the report of a drill of a plan, of whose first faults that can be seen some were found, with
// type and place. It returns its path.
func drilled(t *testing.T, plan drill.Plan, found int) string {
	t.Helper()
	r := drill.Report{Plan: plan, Start: time.Unix(1_000_000, 0), End: time.Unix(1_000_000, 0).Add(plan.Length)}
	for i, step := range plan.Steps {
		one := supervise.Injection{ID: uint16(i + 1), Spec: step.Spec, Start: r.Start.Add(step.At), End: r.Start.Add(step.At + step.For)}
		r.Injections = append(r.Injections, one)
		if len(step.Expect) > 0 && len(r.Problems) < found {
			r.Problems = append(r.Problems, score.Problem{
				ID: fmt.Sprint(i), Type: step.Expect[0], Detected: one.Start.Add(time.Second), Onset: one.Start, Candidates: []fault.Place{one.Root()},
			})
		}
	}
	raw, err := json.Marshal(r)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "report.json")
	require.NoError(t, os.WriteFile(path, raw, 0o644))
	return path
}

// compared is what report --compare prints, and its error.
func compared(paths ...string) (string, error) {
	var out bytes.Buffer
	c := report()
	c.SetOut(&out)
	c.SetErr(&out)
	c.SetArgs(append([]string{"--compare"}, paths...))
	err := c.Execute()
	return out.String(), err
}

// One seed twice has one plan, and its scores agree if each interval of one meets that of
// the other; if they do not, that is an error, and so is another plan of the same seed.
func TestCompareTwoRuns(t *testing.T) {
	full, shorter := drill.Full(1), drill.Full(1)
	shorter.Length++
	stopped := drill.Plan{Name: full.Name, Seed: full.Seed, Length: full.Length}
	for name, test := range map[string]struct {
		a, b  string
		shows string
		err   string
	}{
		"alike":        {drilled(t, full, 40), drilled(t, full, 38), `recall +40/\d+ = .* +38/\d+ = .* +true\n`, ""},
		"unlike":       {drilled(t, full, 40), drilled(t, full, 20), `AC@1 +40/\d+ = .* +20/\d+ = .* +false\n`, "they do not agree"},
		"another plan": {drilled(t, full, 40), drilled(t, shorter, 40), `the same: false`, "they do not agree"},
		"other seeds":  {drilled(t, full, 40), drilled(t, drill.Full(2), 40), `the same: false`, ""},
		"stopped":      {drilled(t, drill.Full(2), 40), drilled(t, stopped, 0), `recall .* – +–\n`, "there is no share that both have cases of"},
		"quiet":        {drilled(t, drill.Quiet(1), 0), drilled(t, drill.Quiet(1), 0), `precision +– +– +–\n`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			shown, err := compared(test.a, test.b)
			require.Regexp(t, test.shows, shown)
			if test.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.err)
			}
		})
	}
	_, err := compared(drilled(t, full, 40))
	require.ErrorContains(t, err, "1 files are not 2")
}
