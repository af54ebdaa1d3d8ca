// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// addLate adds a point that is older than others of its flow. What it says has happened goes to who was
// there then; the flow, with its gauges, stays where it is.
func (r *reducer) addLate(f *flow, l *locality, in *reduce.Input, metric *metric, called reduce.Key, attributes pcommon.Map) {
	p := &r.point
	if p.Ended || p.Shape == reduce.ShapeGauge || in.Late(p) {
		r.addHere(f, in, metric, attributes)
		return
	}
	then := f.before(r.directory, p.Time, l, called, attributes)
	if then == f {
		r.addHere(f, in, metric, attributes)
		return
	}
	r.tellWatcher(then, in, metric, r.table.AddAt(r.output(then, metric, attributes), in, p))
	r.leave(then)
}
