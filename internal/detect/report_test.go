// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	days   = flag.Int("days", 5, "series-days to simulate for each kind of quiet traffic")
	seed   = flag.Uint64("seed", 1, "of all that happens by chance")
	update = flag.Bool("update", false, "write the figures to docs/detection.md")
)

// rate is how many a day so many events in so many days are, with bounds that
// hold the true rate with 95 % (exact, Poisson).
func rate(events int, days float64) (low, mean, high float64) {
	if events > 0 {
		low = poissonMean(events-1, 0.975) / days
	}
	return low, float64(events) / days, poissonMean(events, 0.025) / days
}

// poissonMean is the mean of which at most n events have the probability p.
func poissonMean(n int, p float64) float64 {
	low, high := 0., 2*float64(n)+20
	for range 100 {
		mean := (low + high) / 2
		sum, term := 0., math.Exp(-mean)
		for k := 0; k <= n; k++ {
			sum += term
			term *= mean / float64(k+1)
		}
		if sum > p {
			low = mean
		} else {
			high = mean
		}
	}
	return low
}

// quantile is that of values, in whole seconds; – of none.
func quantile(values []float64, q float64) string {
	if len(values) == 0 {
		return "–"
	}
	slices.Sort(values)
	return fmt.Sprintf("%.0f s", math.Abs(values[int(q*float64(len(values)-1)+0.5)]))
}

// A report is a table of docs/detection.md between marks of its own.
type report struct {
	name  string
	lines []string
}

func newReport(name string, columns ...string) *report {
	r := &report{name: name}
	r.row(columns...)
	r.row(slices.Repeat([]string{"---"}, len(columns))...)
	return r
}

func (r *report) row(cells ...string) {
	r.lines = append(r.lines, "| "+strings.Join(cells, " | ")+" |")
}

// finish prints the table, and writes it where the documentation has it.
func (r *report) finish(t *testing.T) {
	t.Helper()
	text := strings.Join(r.lines, "\n") + "\n"
	t.Logf("%s:\n%s", r.name, text)
	if !*update {
		return
	}
	const path = "../../docs/detection.md"
	doc, err := os.ReadFile(path)
	require.NoError(t, err)
	begin := fmt.Sprintf("<!-- %s: written by", r.name)
	head, rest, ok := strings.Cut(string(doc), begin)
	require.True(t, ok, "mark %q is missing", begin)
	_, tail, ok := strings.Cut(rest, "<!-- end -->")
	require.True(t, ok, "end of mark %q is missing", begin)
	command := fmt.Sprintf(" `go test ./internal/detect -run FalseAlarm -timeout 0 -days %d -seed %d -update` -->\n", *days, *seed)
	require.NoError(t, os.WriteFile(path, []byte(head+begin+command+text+"<!-- end -->"+tail), 0o644))
}

func TestPoissonBounds(t *testing.T) {
	low, mean, high := rate(0, 1)
	require.Zero(t, low)
	require.Zero(t, mean)
	require.InDelta(t, 3.689, high, 0.001)
	low, _, high = rate(10, 1)
	require.InDelta(t, 4.795, low, 0.001)
	require.InDelta(t, 18.39, high, 0.01)
}
