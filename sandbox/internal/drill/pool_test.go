// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/score"
)

// two are drills of two seeds, the second a day later and with nothing said in it.
func two() []Report {
	first, second := example(), example()
	second.Plan.Seed, second.Problems, second.Errors = 8, nil, []string{"a pod <q> has ended"}
	second.Start, second.End = second.Start.Add(24*time.Hour), second.End.Add(24*time.Hour)
	for i := range second.Injections {
		one := &second.Injections[i]
		one.Start, one.End = one.Start.Add(24*time.Hour), one.End.Add(24*time.Hour)
	}
	second.rate()
	return []Report{first, second}
}

// What several drills have together is written as JSON and as a page, beside the table.
func TestPool(t *testing.T) {
	p, err := NewPool(two())
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "out", "drill")
	require.NoError(t, p.Write(folder))

	raw, err := os.ReadFile(filepath.Join(folder, "pooled.json"))
	require.NoError(t, err)
	var again Pool
	require.NoError(t, json.Unmarshal(raw, &again))
	require.Equal(t, score.NewShare(1, 4), again.Summaries[0].Recall)
	require.Equal(t, 40*time.Minute, again.Score.Watched)
	require.Equal(t, p.Targets, again.Targets)
	require.Len(t, again.Score.Outcomes, 6)
	require.Len(t, again.Drills, 2)
	require.Equal(t, uint64(8), again.Drills[1].Seed)
	require.Equal(t, "full", again.Drills[1].Plan)
	require.Equal(t, []string{"a pod <q> has ended"}, again.Drills[1].Errors)
	require.Equal(t, example().Load, again.Drills[0].Load)

	raw, err = os.ReadFile(filepath.Join(folder, "pooled.html"))
	require.NoError(t, err)
	shown := string(raw)
	for _, want := range []string{
		"<title>2 fault drills together, seeds 7, 8</title>",
		"<p>Seed 8: 1970-01-13 13:46:40 to 14:06:40. The collector took 0.05 CPUs",
		"Went wrong: a pod &lt;q&gt; has ended",
		"<td>recall<td>≥ 0.95<td>1/4 = 0.25 (0.05–0.70)<td class=\"no\">no",
		"<tr><td>loss-3<td>2<td>1/2",
		"<h3>Seed 7, 1970-01-12 13:46:40</h3>",
	} {
		require.Contains(t, shown, want)
	}
	require.Equal(t, 2, strings.Count(shown, "<svg"), "a picture of each")
	require.Equal(t, 2, strings.Count(shown, "<td>redis-stall<td>workload service-m<td>nothing"), "each fault")
	drills := strings.SplitAfter(shown, "</svg>")
	require.Equal(t, map[string]int{"#27ae60": 1, "#c0392b": 2, "#7f8c8d": 1, "#2980b9": 1}, colours(t, drills[0]))
	require.Equal(t, map[string]int{"#c0392b": 2, "#7f8c8d": 1}, colours(t, drills[1]))
}

// A drill that is named twice would count twice.
func TestPoolOfOneTwice(t *testing.T) {
	r := example()
	_, err := NewPool([]Report{r, two()[1], r})
	require.EqualError(t, err, "pool reports: one drill, of 1970-01-12 13:46:40, is there twice")
	again := r // the same seed once more is another drill
	again.Start = again.Start.Add(time.Hour)
	_, err = NewPool([]Report{r, again})
	require.NoError(t, err)
}
