// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// troubled writes a count from its first occurrence on.
func troubled(value func(*flow.Trouble) uint64) func(*writer, pmetric.NumberDataPointSlice, series) {
	return func(w *writer, points pmetric.NumberDataPointSlice, s series) {
		if s.Trouble == nil {
			return
		}
		if n := value(&s.Trouble.Trouble); n > 0 {
			w.sum(points, s, split{}, n)
		}
	}
}

// occurred writes a point for each kind that ever occurred.
func (w *writer) occurred(points pmetric.NumberDataPointSlice, s series, key string, kinds []string, counts []uint64) {
	for kind, count := range counts {
		if count > 0 {
			w.sum(points, s, split{key: key, value: kinds[kind]}, count)
		}
	}
}

// retransmits writes a point for each kind that ever occurred, and one of 0 before:
// a ratio needs its numerator.
func (w *writer) retransmits(points pmetric.NumberDataPointSlice, s series) {
	if s.Trouble == nil || s.Trouble.Retransmits[flow.RetransmitFast] == 0 {
		w.sum(points, s, split{key: names.RetransmitType, value: names.RetransmitFast}, 0)
	}
	if s.Trouble != nil {
		w.occurred(points, s, names.RetransmitType, retransmitKinds[:], s.Trouble.Retransmits[:])
	}
}

func (w *writer) failed(points pmetric.NumberDataPointSlice, s series) {
	if s.Trouble != nil {
		w.occurred(points, s, names.ErrorType, failures[:], s.Trouble.Failed[:])
	}
}

// resets writes a point for each reason that the kernel tells, and one for all RSTs of
// which it does not: together they are all.
func (w *writer) resets(points pmetric.NumberDataPointSlice, s series) {
	if s.Trouble == nil {
		return
	}
	counts := s.Trouble.Resets
	for _, r := range s.Trouble.ResetReasons() {
		w.sum(points, s, split{key: names.IODirection, value: names.Transmit, reason: r.Name}, r.Count)
		counts[flow.Transmit] -= r.Count
	}
	w.occurred(points, s, names.IODirection, directions[:], counts[:])
}

// overflows writes a point of each listener: it is there before anything overflows.
func (w *writer) overflows(points pmetric.NumberDataPointSlice, s series) {
	var n uint64
	if s.Trouble != nil {
		n = s.Trouble.Overflows
	}
	w.sum(points, s, split{}, n)
}

func (w *writer) stallTime(points pmetric.NumberDataPointSlice, s series) {
	if s.Trouble != nil && s.Trouble.Stalls > 0 {
		w.sumFraction(points, s, split{}, float64(s.Trouble.StallTime)/1e6)
	}
}
