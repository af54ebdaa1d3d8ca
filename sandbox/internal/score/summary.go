// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package score

import (
	"math"
	"slices"
	"time"
)

// A Share is how many of how many, with its 95 % interval after Wilson.
type Share struct {
	Of   int     `json:"of"`
	Is   int     `json:"is"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// NewShare computes the interval.
func NewShare(is, of int) Share {
	if of == 0 {
		return Share{High: 1}
	}
	const z = 1.959964
	n, p := float64(of), float64(is)/float64(of)
	middle := p + z*z/(2*n)
	spread := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	scale := 1 + z*z/n
	return Share{Of: of, Is: is, Low: max(0, (middle-spread)/scale), High: min(1, (middle+spread)/scale)}
}

// Value is the share itself; not a number if there is nothing to have a share of.
func (s Share) Value() float64 { return float64(s.Is) / float64(s.Of) }

// A Summary is the score of a group of faults. Shares are of all faults that are expected
// to be seen: what was not found was not localised either. Means and medians are of
// detected ones.
type Summary struct {
	Name     string        `json:"name"`
	Faults   int           `json:"faults"`
	Recall   Share         `json:"recall"`
	Right    Share         `json:"type_right"`
	First    Share         `json:"ac_at_1"`
	Third    Share         `json:"ac_at_3"`
	Average  float64       `json:"avg_at_5"`
	Level    Share         `json:"level"`
	Impact   float64       `json:"impact_jaccard"`
	Delay    time.Duration `json:"delay_median"`
	Delay90  time.Duration `json:"delay_p90"`
	Onset    time.Duration `json:"onset_error_median"`
	Close    time.Duration `json:"close_delay_median"` // from the fault's end; negative: it was still there
	PerFault float64       `json:"problems_per_fault"`
	Quiet    int           `json:"unseeable"` // faults that TCP cannot see
}

// Summarise is the score of all faults whose name is wanted.
func (s Score) Summarise(name string, wanted func(fault string) bool) Summary {
	sum := Summary{Name: name}
	var delays, onsets, closes []time.Duration
	var detected, right, first, third, level, problems int
	var average, impact float64
	for _, o := range s.Outcomes {
		if !wanted(o.Fault.Name) {
			continue
		}
		sum.Faults++
		if len(o.Fault.Expect) == 0 {
			sum.Quiet++
			continue
		}
		if !o.Detected {
			continue
		}
		detected++
		right += count(o.Right)
		first += count(o.Rank == 1)
		third += count(o.Rank >= 1 && o.Rank <= 3)
		level += count(o.Level)
		problems += len(o.Problems)
		impact += o.Impact
		if o.Rank >= 1 && o.Rank <= 5 {
			average += float64(6-o.Rank) / 5
		}
		delays, onsets = append(delays, o.Delay), append(onsets, o.OnsetError.Abs())
		if o.CloseDelay != 0 {
			closes = append(closes, o.CloseDelay)
		}
	}
	cases := sum.Faults - sum.Quiet
	sum.Recall, sum.Right, sum.Level = NewShare(detected, cases), NewShare(right, cases), NewShare(level, cases)
	sum.First, sum.Third = NewShare(first, cases), NewShare(third, cases)
	if cases > 0 {
		sum.Average = average / float64(cases)
	}
	if n := float64(detected); n > 0 {
		sum.Impact, sum.PerFault = impact/n, float64(problems)/n
	}
	sum.Delay, sum.Delay90, sum.Onset = quantile(delays, .5), quantile(delays, .9), quantile(onsets, .5)
	sum.Close = quantile(closes, .5)
	return sum
}

// Precision is the share of detections among these and false problems; duplicates are
// neither.
func (s Score) Precision() Share {
	detected := 0
	for _, o := range s.Outcomes {
		detected += count(o.Detected)
	}
	return NewShare(detected, detected+len(s.False))
}

// FalsePerHour is how many problems of no fault there were each hour.
func (s Score) FalsePerHour() float64 { return float64(len(s.False)) / s.Watched.Hours() }

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// quantile is the smallest value that at least that share is not above; 0 of none.
func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}
