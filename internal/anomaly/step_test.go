// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// A trial is a metrics' side in a time of its own. at is real (by the pace), since the morning; ours and theirs
// are what the clocks are set to, from it.
type trial struct {
	*pipeline
	at           time.Duration
	ours, theirs time.Duration
}

func newTrial(t *testing.T, settings map[string]any) *trial {
	t.Helper()
	settings["identity"] = map[string]any{"static": map[string]any{"file": writeIdentities(t)}}
	cfg, err := load(t, settings)
	require.NoError(t, err)
	silent := func(p *MetricsSide) { // no ticks but ours
		p.clock.Tick = func(time.Duration) (<-chan time.Time, func()) { return nil, func() {} }
	}
	tr := &trial{pipeline: startWith(t, cfg, componenttest.NewNopHost(), morning, silent)}
	tr.counts.Reset()
	return tr
}

// to goes on to a time.
func (tr *trial) to(at time.Duration) {
	tr.at = at
	tr.now.Store(morning.Add(at).UnixNano())
	tr.set.Store(int64(tr.ours))
}

// send sends a total of a flow that began at a time by its agent's clock.
func (tr *trial) send(pid int, began time.Time, sent time.Duration, n int64, kind string) {
	tr.t.Helper()
	md := parse(tr.t, fmt.Sprintf(`resource {process.executable.name=nginx host.name=here process.pid=%d(Int)}
tcp.flow.exchanges sum %s
  {source.address=10.0.9.1 destination.address=10.0.2.1 destination.port=5432(Int) network.tcp.handshake.role=client} 1s..9s %d
`, pid, kind, n))
	p := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().At(0)
	p.SetStartTimestamp(pcommon.NewTimestampFromTime(began))
	p.SetTimestamp(pcommon.NewTimestampFromTime(morning.Add(sent + tr.theirs)))
	require.NoError(tr.t, tr.metrics.ConsumeMetrics(tr.t.Context(), md))
}

type toldPoint struct {
	start, time time.Duration // since the morning
	n           int64
	ended       bool
}

// export exports, and returns what was told of exchanges.
func (tr *trial) export() (told []toldPoint) {
	tr.counts.Reset()
	tr.metrics.export(tr.t.Context())
	return tr.read()
}

func (tr *trial) read() (told []toldPoint) {
	for _, md := range tr.counts.AllMetrics() {
		for _, rm := range md.ResourceMetrics().All() {
			for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
				if m.Type() != pmetric.MetricTypeSum || m.Name() != "tcp.flow.exchanges" {
					continue
				}
				for _, p := range m.Sum().DataPoints().All() {
					told = append(told, toldPoint{
						p.StartTimestamp().AsTime().Sub(morning), p.Timestamp().AsTime().Sub(morning), p.IntValue(), p.Flags().NoRecordedValue(),
					})
				}
			}
		}
	}
	return told
}

// All clocks of a machine are ahead for five minutes (an RTC in local time, until NTP has answered). What began in that time is
// forgotten max_gap later. What is new from then on counts, though it is earlier.
func TestWhatBeganWhileClocksWereAhead(t *testing.T) {
	for _, kind := range []string{"cumulative", "delta"} {
		for _, by := range []time.Duration{2 * time.Hour, 365 * 24 * time.Hour} {
			t.Run(fmt.Sprint(kind, by), func(t *testing.T) {
				tr := newTrial(t, map[string]any{"detection": map[string]any{"enabled": false}})
				total := int64(0)
				hear := func() {
					for _, p := range tr.export() {
						if !p.ended {
							total = p.n
						}
					}
				}
				steady := morning.Add(5 * time.Second)
				run := func(from, to time.Duration, pid int, began time.Time) (sent int64) {
					for at := from; at <= to; at += 10 * time.Second {
						tr.to(at)
						n := int64((at-from)/(10*time.Second)) + 1
						if sent = n; kind == "delta" {
							tr.send(pid, morning.Add(tr.theirs+at-10*time.Second), at, 1, kind)
						} else {
							tr.send(pid, began, at, n, kind)
						}
						hear()
					}
					return sent
				}
				happened := run(10*time.Second, time.Minute, 1, steady)
				tr.ours, tr.theirs = by, by
				happened += run(70*time.Second, 5*time.Minute, 2, morning.Add(by+65*time.Second))
				tr.ours, tr.theirs = 0, 0
				happened += run(5*time.Minute+10*time.Second, 75*time.Minute, 3, morning.Add(5*time.Minute+5*time.Second))
				assert.Equal(t, happened, total, "until then nothing is lost")
				before := total
				sent := run(76*time.Minute, 100*time.Minute, 4, morning.Add(76*time.Minute-5*time.Second))
				stats := tr.metrics.reducer.table.Stats
				t.Logf("of %d exchanges of a flow that began when all clocks were right, %d were told; %d points forgotten, %d baselines",
					sent, total-before, stats.Forgotten, stats.Baselines)
				assert.Equal(t, sent, total-before)
			})
		}
	}
}

// The same for detection, which sees new flows.
func TestDetectionAfterClocksWereAhead(t *testing.T) {
	for _, level := range []string{"none", "workload"} {
		for _, by := range []time.Duration{0, 2 * time.Hour} {
			t.Run(fmt.Sprint(level, by), func(t *testing.T) {
				cfg, err := load(t, map[string]any{
					"identity": map[string]any{"static": map[string]any{"file": writeIdentities(t)}}, "aggregate": level,
				})
				require.NoError(t, err)
				p := startMetrics(t, cfg, componenttest.NewNopHost(), morning)
				p.startLogs(cfg)
				tr := &trial{pipeline: p}
				flow := func(pid int, began, sent time.Time, segments, episodes int) {
					md := parse(t, fmt.Sprintf(`resource {process.executable.name=nginx host.name=here process.pid=%d(Int)}
tcp.flow.data_segments sum
  {source.address=10.0.9.1 destination.address=10.0.2.1 destination.port=5432 network.tcp.handshake.role=client network.io.direction=transmit} 1s..9s %d
tcp.flow.retransmit.episodes sum
  {source.address=10.0.9.1 destination.address=10.0.2.1 destination.port=5432 network.tcp.handshake.role=client} 1s..9s %d
`, pid, segments, episodes))
					for _, m := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
						m.Sum().DataPoints().At(0).SetStartTimestamp(pcommon.NewTimestampFromTime(began))
						m.Sum().DataPoints().At(0).SetTimestamp(pcommon.NewTimestampFromTime(sent))
					}
					require.NoError(t, p.metrics.ConsumeMetrics(t.Context(), md))
				}
				step := func(at time.Duration, do func(now time.Time)) {
					tr.to(at)
					do(morning.Add(at + tr.theirs))
					if p.metrics.reducer != nil {
						p.metrics.export(t.Context())
					}
					p.metrics.desk.judge(p.metrics.desk.look().Add(5 * time.Second))
				}
				tr.ours, tr.theirs = by, by
				for at := 10 * time.Second; at < 5*time.Minute; at += 10 * time.Second {
					step(at, func(now time.Time) { flow(1, morning.Add(by+time.Second), now, int(at/time.Second)*500, 1) })
				}
				tr.ours, tr.theirs = 0, 0
				for at := 5 * time.Minute; at < 75*time.Minute; at += 10 * time.Second {
					step(at, func(now time.Time) {
						flow(2, morning.Add(5*time.Minute-time.Second), now, int((at-5*time.Minute)/time.Second+10)*500, int((at-5*time.Minute)/(10*time.Second)))
					})
				}
				require.Empty(t, p.problems())
				segments, episodes := 0, 0
				for at := 75 * time.Minute; at < 80*time.Minute; at += 10 * time.Second {
					step(at, func(now time.Time) {
						segments += 5000
						if episodes++; at > 78*time.Minute {
							episodes += 150
						}
						flow(3, morning.Add(75*time.Minute-5*time.Second), now, segments, episodes)
					})
				}
				require.Eventually(t, func() bool { return len(p.problems()) == 1 }, 3*time.Second, time.Millisecond, "a loss of 3 % is told of")
			})
		}
	}
}

// A sender's clock is 90 s ahead, always. What it sent three minutes ago comes again (an acknowledgement was lost), and does not
// count again, though it is not ahead.
func TestADeltaOfASenderAheadCountsOnce(t *testing.T) {
	tr := newTrial(t, map[string]any{"detection": map[string]any{"enabled": false}})
	tr.theirs = 90 * time.Second
	for at := 10 * time.Second; at <= 10*time.Minute; at += 10 * time.Second {
		tr.to(at)
		tr.send(1, morning.Add(tr.theirs+at-10*time.Second), at, 1, "delta")
	}
	tr.to(10*time.Minute + time.Second)
	for at := 6 * time.Minute; at <= 6*time.Minute+50*time.Second; at += 10 * time.Second { // again
		tr.send(1, morning.Add(tr.theirs+at-10*time.Second), at, 1, "delta")
	}
	told := tr.export()
	require.Len(t, told, 1)
	t.Logf("%+v", tr.metrics.reducer.table.Stats)
	assert.Equal(t, int64(60), told[0].n)
}

// The same, where our clock alone was set back by 2 min: senders' are right.
func TestADeltaCountsOnceWhenOurClockWasSetBack(t *testing.T) {
	tr := newTrial(t, map[string]any{"detection": map[string]any{"enabled": false}})
	for at := 10 * time.Second; at <= 10*time.Minute; at += 10 * time.Second {
		tr.to(at)
		tr.send(1, morning.Add(at-10*time.Second), at, 1, "delta")
	}
	tr.ours = -2 * time.Minute
	tr.to(10*time.Minute + time.Second)
	for at := 6 * time.Minute; at <= 6*time.Minute+50*time.Second; at += 10 * time.Second { // again
		tr.send(1, morning.Add(at-10*time.Second), at, 1, "delta")
	}
	told := tr.export()
	require.Len(t, told, 1)
	t.Logf("%+v", tr.metrics.reducer.table.Stats)
	assert.Equal(t, int64(60), told[0].n)
}

// Detection stays sighted, whatever is added up.
func TestDetectionIsSighted(t *testing.T) {
	for _, level := range []string{"none", "pod", "workload"} {
		for _, temporality := range []string{"cumulative", "delta"} {
			for _, step := range []struct{ ours, theirs time.Duration }{
				{-time.Hour, 0}, {-time.Hour, -time.Hour}, {time.Hour, 0}, {time.Hour, time.Hour}, {-2 * time.Minute, 0},
				{9 * 365 * 24 * time.Hour, 9 * 365 * 24 * time.Hour}, {9 * 365 * 24 * time.Hour, 0}, {0, -time.Hour}, {0, time.Hour},
			} {
				if level == "none" && temporality == "delta" {
					continue
				}
				t.Run(fmt.Sprint(level, temporality, step), func(t *testing.T) {
					cfg, err := load(t, map[string]any{
						"identity":  map[string]any{"static": map[string]any{"file": writeIdentities(t)}},
						"aggregate": level, "temporality": temporality,
					})
					require.NoError(t, err)
					p := startMetrics(t, cfg, componenttest.NewNopHost(), morning)
					p.startLogs(cfg)
					p.lose(func() {
						p.set.Store(int64(step.ours))
						p.agents = step.theirs
					})
					require.Eventually(t, func() bool { return len(p.problems()) == 1 }, 3*time.Second, time.Millisecond)
				})
			}
		}
	}
}

// Our clock is set back by two minutes, agents' are right. A point that is a minute and a half late moves no gauge back.
func TestALatePointMovesNoGaugeBack(t *testing.T) {
	for _, by := range []time.Duration{0, -2 * time.Minute} {
		t.Run(by.String(), func(t *testing.T) {
			tr := newTrial(t, map[string]any{"detection": map[string]any{"enabled": false}})
			gauge := func(sent time.Duration, n int) {
				md := parse(t, fmt.Sprintf(`resource {process.executable.name=nginx host.name=here process.pid=1(Int)}
tcp.flow.rtt_min gauge
  {source.address=10.0.9.1 destination.address=10.0.2.1 destination.port=5432(Int) network.tcp.handshake.role=client} 0s..9s %d.5
`, n))
				md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints().At(0).SetTimestamp(
					pcommon.NewTimestampFromTime(morning.Add(sent)))
				require.NoError(t, tr.metrics.ConsumeMetrics(t.Context(), md))
			}
			for at := 10 * time.Second; at <= 10*time.Minute; at += 10 * time.Second {
				tr.to(at)
				gauge(at, 7)
			}
			tr.ours = by
			tr.to(10*time.Minute + time.Second)
			gauge(10*time.Minute-90*time.Second, 1)
			tr.counts.Reset()
			tr.metrics.export(t.Context())
			m := tr.counts.AllMetrics()[0].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
			assert.Equal(t, 7.5, m.Gauge().DataPoints().At(0).DoubleValue())
		})
	}
}

// A process began while its clock was two hours ahead (boot), which was set right after a minute. One agent's clock is 90 min ahead, and
// its flows come and go. What is new of others counts.
func TestOneAgentAheadAfterABoot(t *testing.T) {
	for _, boot := range []time.Duration{0, 2 * time.Hour} {
		t.Run(boot.String(), func(t *testing.T) {
			tr := &trial{}
			cfg, err := load(t, map[string]any{
				"identity":  map[string]any{"static": map[string]any{"file": writeIdentities(t)}},
				"detection": map[string]any{"enabled": false},
			})
			require.NoError(t, err)
			tr.pipeline = startWith(t, cfg, componenttest.NewNopHost(), morning.Add(boot), func(p *MetricsSide) {
				p.clock.Tick = func(time.Duration) (<-chan time.Time, func()) { return nil, func() {} }
			})
			total, happened := int64(0), int64(0)
			for at := 10 * time.Second; at <= 4*time.Hour; at += 10 * time.Second {
				ours := boot
				if at > time.Minute {
					ours = 0
				}
				tr.now.Store(morning.Add(at + boot).UnixNano()) // the pace began ahead
				tr.set.Store(int64(ours - boot))
				tr.theirs = 90 * time.Minute
				slot := at / (10 * time.Minute)
				began := slot*10*time.Minute + 5*time.Second
				if slot%2 == 0 {
					tr.send(1000+int(slot), morning.Add(tr.theirs+began), at, 1, "cumulative")
				}
				tr.theirs = 0
				if at > 3*time.Hour && slot%2 == 1 {
					n := int64((at-slot*10*time.Minute)/(10*time.Second)) + 1
					tr.send(int(slot), morning.Add(began), at, n, "cumulative")
					happened = n
				}
				for _, p := range tr.export() {
					total = p.n
				}
			}
			t.Logf("last flow's %d, told in all %d, %+v", happened, total, tr.metrics.reducer.table.Stats)
			assert.Zero(t, tr.metrics.reducer.table.Stats.Forgotten)
		})
	}
}
