// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/zap"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// handedOn notes what became of a batch of events; reason is why they are dropped if
// there is an error.
func (s *status) handedOn(ctx context.Context, events int, reason string, err error) {
	if err == nil {
		s.EbpfTCPEventsSent.Add(ctx, int64(events))
	} else {
		s.eventsDropped(ctx, reason, int64(events))
	}
	switch {
	case err != nil && !s.exportFails:
		s.logger.Warn("events were not accepted and are dropped; ebpf_tcp_events_dropped counts them", zap.Error(err))
	case err == nil && s.exportFails:
		s.logger.Info("events are accepted again")
	}
	s.exportFails = err != nil
}

// heldBack notes what the kernel side did not hand out. What could not be read comes
// with the next look.
func (s *status) heldBack(ctx context.Context, drops flow.EventDrops, err error) {
	if err != nil {
		if !s.vitalsFail {
			s.logger.Warn("how many events were dropped cannot be read", zap.Error(err))
		}
		s.vitalsFail = true
		return
	}
	s.vitalsFail = false
	s.eventsDropped(ctx, names.DropRateLimit, s.growth.of("events above the limit", drops.Limited))
	s.eventsDropped(ctx, names.DropBufferFull, s.growth.of("events without room", drops.Full))
}

func (s *status) eventsDropped(ctx context.Context, reason string, events int64) {
	s.EbpfTCPEventsDropped.Add(ctx, events, labelled(attribute.String(names.DropReason, reason)))
}
