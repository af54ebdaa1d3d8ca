// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// The table begins at second 0, has an interval that ends at 10, and sees the
// flow first in the one that ends at 20.
func TestStartOfAFlow(t *testing.T) {
	for name, test := range map[string]struct {
		since uint64
		want  uint64
	}{
		"its first connection":                              {at(15).Boot, at(15).Wall},
		"the interval's beginning if unknown":               {0, at(10).Wall},
		"not before the interval: that was exported before": {at(5).Boot, at(10).Wall},
		"not before the table":                              {1, at(10).Wall},
		"a moment ahead of the clock counts as unknown":     {at(21).Boot, at(10).Wall},
	} {
		t.Run(name, func(t *testing.T) {
			table := newTable(limits)
			table.Seal(at(10), flow.Report{}, true)
			d := delta(key(1, 80), 1)
			d.Since = test.since
			table.Add(d)
			table.Seal(at(20), flow.Report{}, true)
			assert.Equal(t, test.want, only(t, table).Start)
		})
	}
}

func TestAStepOfTheWallClockMovesNoStart(t *testing.T) {
	for _, hours := range []int{-1, 1} {
		table := newTable(limits)
		d := delta(key(1, 80), 1)
		d.Since = at(5).Boot
		table.Add(d)
		table.Seal(at(10), flow.Report{}, true)

		now := at(20)
		now.Wall += uint64(time.Duration(hours) * time.Hour)
		table.Add(d)
		table.Seal(now, flow.Report{}, true)
		assert.Equal(t, at(5).Wall, only(t, table).Start)
	}
}

func TestNoFlowStartsAfterNow(t *testing.T) {
	table := newTable(limits)
	now := at(10)
	now.Wall -= uint64(time.Hour) // behind the table's own beginning
	table.Add(delta(key(1, 80), 1))
	table.Seal(now, flow.Report{}, true)
	assert.Equal(t, now.Wall, only(t, table).Start)
}

func TestAFlowThatComesBackStartsAfterItsEnd(t *testing.T) {
	table := newTable(flow.Limits{Flows: 1})
	d := delta(key(1, 80), 0)
	d.Since = at(1).Boot
	table.Add(d)
	for second := uint64(1); second < 4; second++ {
		table.Seal(at(second), flow.Report{}, true)
		table.Commit()
	}
	assert.Empty(t, table.Groups(), "the mark of the end was exported at 3")

	table.Add(d)
	table.Seal(at(5), flow.Report{}, true)
	assert.Equal(t, at(3).Wall, only(t, table).Start)
	assert.EqualValues(t, 1, only(t, table).Bytes[flow.Transmit])
}

func TestAnOverflowFlowStartsWithTheInterval(t *testing.T) {
	table := newTable(flow.Limits{})
	table.Seal(at(10), flow.Report{}, true)
	for _, since := range []uint64{15, 12} {
		d := delta(key(1, 80), 1)
		d.Since = at(since).Boot
		table.Add(d)
	}
	table.Seal(at(20), flow.Report{}, true)
	assert.Equal(t, at(10).Wall, only(t, table).Start)
}

func TestAFlowOfSeveralDeltasStartsWithTheEarliest(t *testing.T) {
	for name, test := range map[string]struct {
		since []uint64
		want  uint64
	}{
		"the second one":         {[]uint64{at(15).Boot, at(12).Boot, at(13).Boot}, at(12).Wall},
		"one is of unknown time": {[]uint64{at(15).Boot, 0, at(13).Boot}, at(10).Wall},
	} {
		t.Run(name, func(t *testing.T) {
			table := newTable(limits)
			table.Seal(at(10), flow.Report{}, true)
			for _, since := range test.since {
				d := delta(key(1, 80), 1)
				d.Since = since
				table.Add(d)
			}
			table.Seal(at(20), flow.Report{}, true)
			assert.Equal(t, test.want, only(t, table).Start)
			assert.EqualValues(t, len(test.since), only(t, table).Connections())
		})
	}
}

func TestAtIsOnTheWallClock(t *testing.T) {
	now := flow.Instant{Wall: 1_000_000, Boot: 5_000}
	assert.EqualValues(t, 1_000_000, now.At(5_000))
	assert.EqualValues(t, 999_000, now.At(4_000))
	assert.EqualValues(t, 1_000_000, now.At(6_000), "after now is now")
}
