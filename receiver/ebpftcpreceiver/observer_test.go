// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// crowd is a kernel in which each of many flows sends a byte between two
// sweeps, 100 flows to a process.
func crowd(flows uint32) fakeKernel {
	return func(_ context.Context, visit func(*flow.Delta)) (flow.Report, error) {
		for n := range flows {
			d := flow.Delta{Key: clientKey(1+n/100, n)}
			d.Bytes[flow.Transmit] = 1
			visit(&d)
		}
		return flow.Report{}, nil
	}
}

// A tally counts what a pipeline accepted, by the flow's server.
type tally struct {
	accepted map[string]int
	pieces   []int // flows in each piece, accepted or not
}

func (c *tally) note(md pmetric.Metrics, accepted bool) {
	flows := 0
	for _, rm := range md.ResourceMetrics().All() {
		for _, p := range rm.ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().All() {
			direction, _ := p.Attributes().Get(names.IODirection)
			if direction.Str() != names.Transmit {
				continue
			}
			flows++
			if address, _ := p.Attributes().Get(names.DestinationAddress); accepted {
				c.accepted[address.Str()]++
			}
		}
	}
	c.pieces = append(c.pieces, flows)
}

func TestALargeTableLeavesInPieces(t *testing.T) {
	for name, test := range map[string]struct {
		errs []error
		want []int
	}{
		"all are accepted":             {nil, []int{100, 100, 15}},
		"the second one is repeated":   {[]error{nil, errBusy, errBusy}, []int{100, 100, 100, 100, 15}},
		"the first one is refused":     {[]error{errInvalid}, []int{100, 100, 15}},
		"the last one is tried thrice": {[]error{nil, nil, errBusy, errBusy}, []int{100, 100, 15, 15, 15}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := tally{accepted: map[string]int{}}
				next := failing(test.errs...)
				p := newPipeline(t, crowd(215), func(ctx context.Context, md pmetric.Metrics) error {
					err := next(ctx, md)
					c.note(md, err == nil)
					return err
				})
				p.run(t, 5*time.Second)
				assert.Equal(t, test.want, c.pieces)
				for address, count := range c.accepted {
					assert.Equal(t, 1, count, address)
				}
				p.stop(t)
			})
		})
	}
}

// A pipeline may change what it is given, and fail after that.
func TestARepeatedExportIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := failing(errBusy)
		p := newPipeline(t, oneByte, func(ctx context.Context, md pmetric.Metrics) error {
			md.ResourceMetrics().RemoveIf(func(pmetric.ResourceMetrics) bool { return true })
			return fails(ctx, md)
		})
		p.run(t, 2*time.Second)
		assert.Equal(t, []string{"1s: 1", "1.1s: 1"}, p.exported)
		p.stop(t)
	})
}

func TestAnIntervalWithoutFlowsIsNotExportedWhereTheHostIsSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipeline(t, quiet, accept)
		p.run(t, 30*time.Second)
		p.stop(t)
		assert.Empty(t, p.exported)
	})
}
