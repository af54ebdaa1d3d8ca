// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/anomaly"
	"github.com/tcpwhy/tcpwhy/internal/recording"
)

// readPieces returns what receivers told, one piece an interval; none where there is no file.
func readPieces(t *testing.T, path string) (pieces []pmetric.Metrics) {
	t.Helper()
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, recording.Read(file, func(md pmetric.Metrics) error {
		pieces = append(pieces, md)
		return nil
	}))
	return pieces
}

// lag is how long after its points a piece comes.
const lag = time.Second

// playPieces plays pieces at the times at which they were told. The processor begins with the
// first one, so what flows did before is not told.
func playPieces(t *testing.T, config string, pieces []pmetric.Metrics) (*stage, map[string]float64) {
	s := startStageAt(t, config, recording.Time(pieces[0]).Add(lag))
	interval := s.cfg.(*anomaly.Config).Interval
	grown := &growths{began: s.time(), series: make(map[string]*[2]float64), names: make(map[string]string)}
	for _, md := range pieces {
		for s.time().Before(recording.Time(md)) {
			s.pass(interval)
		}
		grown.add(md)
		require.NoError(t, s.metrics.ConsumeMetrics(t.Context(), md))
	}
	s.pass(interval)
	return s, grown.sums()
}

// growths are how much cumulative series have grown since a processor began.
type growths struct {
	began  time.Time
	series map[string]*[2]float64 // first and last
	names  map[string]string
}

func (g *growths) add(md pmetric.Metrics) {
	for _, rm := range md.ResourceMetrics().All() {
		for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
			if m.Type() != pmetric.MetricTypeSum {
				continue
			}
			for _, p := range m.Sum().DataPoints().All() {
				g.point(rm.Resource().Attributes(), m.Name(), p)
			}
		}
	}
}

func (g *growths) point(resource pcommon.Map, metric string, p pmetric.NumberDataPoint) {
	if p.Flags().NoRecordedValue() {
		return
	}
	key := fmt.Sprint(metric, resource.AsRaw(), p.Attributes().AsRaw(), p.StartTimestamp())
	value := float64(p.IntValue()) + p.DoubleValue()
	if g.series[key] == nil {
		g.series[key] = &[2]float64{value}
		if p.StartTimestamp().AsTime().After(g.began) {
			g.series[key][0] = 0
		}
	}
	g.series[key][1] = value
	g.names[key] = metric
}

func (g *growths) sums() map[string]float64 {
	sums := make(map[string]float64)
	for key, series := range g.series {
		sums[g.names[key]] += series[1] - series[0]
	}
	return sums
}
