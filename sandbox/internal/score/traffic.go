// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package score

// bands part faults by how many data segments the calls that they are in have in a tick of 5 s. The
// last has no upper limit.
var bands = []struct {
	name  string
	below float64
}{
	{"traffic: below 1,000 segments a tick", 1000},
	{"traffic: 1,000 to 2,000", 2000},
	{"traffic: 2,000 and more", 0},
}

// ByTraffic are summaries of the faults with little, with more, and with much traffic.
func (s Score) ByTraffic() (all []Summary) {
	from := 0.
	for _, band := range bands {
		var part Score
		for _, o := range s.Outcomes {
			if o.Fault.Segments >= from && (band.below == 0 || o.Fault.Segments < band.below) {
				part.Outcomes = append(part.Outcomes, o)
			}
		}
		if len(part.Outcomes) > 0 {
			all = append(all, part.Summarise(band.name, every))
		}
		from = band.below
	}
	return all
}
