// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// vitals are what the kernel side says of itself. Counters began when it was
// opened.
type vitals struct {
	hooks      []hook
	programs   []program
	fills      []fill
	excluded   uint64 // ends of connections
	attempts   uint64 // calls of connect that are not noted
	collisions uint64 // folds
	reasons    uint64 // of RSTs, that are not told
	deferred   uint64 // folds
	unfound    []unfound
	nat        natVitals
}

// natVitals are what is known of translated connections.
type natVitals struct {
	enabled                      bool
	err                          error // why nothing is known, or not all
	entries, namespaces, denied  int
	overruns, refused, malformed uint64
	translated, unknown          uint64 // connections
	untranslated, notLookedFor   uint64
}

// An unfound is what a look at open files had no room for.
type unfound struct {
	name  string
	count uint64
}

// A program is one that the kernel runs. Runs and time stand still while the
// kernel does not collect them.
type program struct {
	name          string
	runs, skipped uint64
	time          time.Duration
}

// A fill is how full a map of the kernel is.
type fill struct {
	name           string
	entries, limit uint32
}

// growth turns totals into what has been added since they were last seen.
type growth map[string]uint64

func (g growth) of(what string, total uint64) int64 {
	added := total - g[what]
	g[what] = total
	return int64(added)
}

// examined notes the kernel side's vitals. Those that could not be read come with
// the next ones.
func (s *status) examined(ctx context.Context, v vitals, err error) {
	if err != nil {
		if !s.vitalsFail {
			s.logger.Warn("what the kernel side says of itself cannot be read", zap.Error(err))
		}
		s.vitalsFail = true
		return
	}
	s.vitalsFail = false
	s.hooked(ctx, v.hooks)
	for _, p := range v.programs {
		s.ran(ctx, p)
	}
	for _, f := range v.fills {
		which := labelled(attribute.String(names.Map, f.name))
		s.EbpfTCPMapEntries.Record(ctx, int64(f.entries), which)
		s.EbpfTCPMapLimit.Record(ctx, int64(f.limit), which)
	}
	s.EbpfTCPExcluded.Add(ctx, s.growth.of("excluded", v.excluded))
	s.EbpfTCPConnectUnnoted.Add(ctx, s.growth.of("attempts", v.attempts))
	s.EbpfTCPFlowCollisions.Add(ctx, s.growth.of("collisions", v.collisions))
	s.EbpfTCPFlowDeferrals.Add(ctx, s.growth.of("deferrals", v.deferred))
	s.EbpfTCPResetUnexplained.Add(ctx, s.growth.of("reasons", v.reasons))
	for _, u := range v.unfound {
		s.EbpfTCPSearchDropped.Add(ctx, s.growth.of("unfound "+u.name, u.count), labelled(attribute.String(names.Map, u.name)))
	}
	if v.nat.enabled {
		s.translated(ctx, &v.nat)
	}
}

// translated notes what is known of translated connections. Trouble is told once, and
// again after it was over.
func (s *status) translated(ctx context.Context, v *natVitals) {
	if v.err != nil && !s.natFails {
		s.logger.Warn("address translations are not known, or not all of them: where they are missing, the address "+
			"that a connection sees stays its destination", zap.Error(v.err))
	}
	s.natFails = v.err != nil
	s.EbpfTCPNatEntries.Record(ctx, int64(v.entries))
	s.EbpfTCPNatNamespaces.Record(ctx, int64(v.namespaces))
	s.EbpfTCPNatNamespacesDenied.Record(ctx, int64(v.denied))
	for result, n := range map[string]uint64{
		names.NATTranslated: v.translated, names.NATUntranslated: v.untranslated,
		names.NATUnknown: v.unknown, names.NATNotLookedFor: v.notLookedFor,
	} {
		s.EbpfTCPNatConnections.Add(ctx, s.growth.of("NAT "+result, n), labelled(attribute.String(names.NATResult, result)))
	}
	for reason, n := range map[string]uint64{
		names.NATBufferFull: v.overruns, names.NATTableFull: v.refused, names.NATMalformed: v.malformed,
	} {
		s.EbpfTCPNatLost.Add(ctx, s.growth.of("NAT "+reason, n), labelled(attribute.String(names.NATLoss, reason)))
	}
}

func (s *status) hooked(ctx context.Context, hooks []hook) {
	for _, h := range hooks {
		if s.told.moved(h) {
			s.logger.Warn("hook has changed: " + h.row())
		}
		value := int64(1)
		if h.name == "" {
			value = 0
		}
		s.EbpfTCPHook.Record(ctx, value, labelled(attribute.String(names.Hook, h.place()),
			attribute.String(names.HookJob, h.job), attribute.Bool(names.HookDegraded, h.reason != "")))
	}
}

// ran notes a program's statistics. No series says that a program never ran while
// the kernel has not collected any.
func (s *status) ran(ctx context.Context, p program) {
	which := labelled(attribute.String(names.Program, p.name))
	s.EbpfTCPProgramSkips.Add(ctx, s.growth.of("skips of "+p.name, p.skipped), which)
	runs, nanoseconds := s.growth.of("runs of "+p.name, p.runs), s.growth.of("time of "+p.name, uint64(p.time))
	if runs > 0 {
		s.EbpfTCPProgramRuns.Add(ctx, runs, which)
		s.EbpfTCPProgramTime.Add(ctx, time.Duration(nanoseconds).Seconds(), which)
	}
}

// labelled selects the series that has these attributes.
func labelled(all ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(all...))
}
