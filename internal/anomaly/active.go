// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/problem"
)

// active is how many problems are open, by type and ends. What had some and has none any more is told of
// until somebody has taken it: a gauge that is told of no more stays as it was.
type active struct {
	ends map[string]*verdictCount
	of   map[string]string // key of ends, by the problem's id
}

func newActive() active {
	return active{ends: make(map[string]*verdictCount), of: make(map[string]string)}
}

// add takes in news of a problem: its type and ends may be others than before. It returns false
// if there is no room for them.
func (a *active) add(change *problem.Change) bool {
	p := &change.Problem
	if was, ok := a.of[p.ID]; ok {
		a.ends[was].n--
		delete(a.of, p.ID)
	}
	if change.State == problem.Close {
		return true
	}
	attributes := pcommon.NewMap()
	attributes.PutStr(names.ProblemType, p.Type)
	putEnd(attributes, &names.Source, p.Node)
	putEnd(attributes, &names.Destination, p.Remote)
	key := ""
	for name, value := range attributes.All() {
		key += name + "\x00" + value.Str() + "\x00"
	}
	if a.ends[key] == nil {
		if len(a.ends) >= maxTotals {
			return false
		}
		a.ends[key] = &verdictCount{attributes: attributes}
	}
	a.ends[key].n++
	a.of[p.ID] = key
	return true
}

func (a *active) write(points pmetric.NumberDataPointSlice, now time.Time, tell telling) {
	for _, n := range a.ends {
		tell(n, points, now)
	}
}

// over are those that have no problem any more.
func (a *active) over() (keys []string) {
	for key, n := range a.ends {
		if n.n == 0 {
			keys = append(keys, key)
		}
	}
	return keys
}

// forget forgets those that were told to be over, if they are still.
func (a *active) forget(keys []string) {
	for _, key := range keys {
		if n := a.ends[key]; n != nil && n.n == 0 {
			delete(a.ends, key)
		}
	}
}
