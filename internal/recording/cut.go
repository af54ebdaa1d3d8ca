// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"net/netip"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A Cut says what to keep of a recording.
type Cut struct {
	// From and To are the times of the first and the last piece.
	From, To time.Time
	// Among are the ends of the flows to keep: both have to be.
	Among func(netip.AddrPort) bool
	// Point tells which points to keep of them.
	Point func(metric string, attributes pcommon.Map) bool
}

// Apply takes from a piece what is not to be kept, and reports whether anything is left.
func (c *Cut) Apply(md pmetric.Metrics) bool {
	at := Time(md)
	if at.Before(c.From) || at.After(c.To) {
		return false
	}
	md.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		rm.ScopeMetrics().RemoveIf(func(sm pmetric.ScopeMetrics) bool {
			sm.Metrics().RemoveIf(func(m pmetric.Metric) bool {
				drop := func(attributes pcommon.Map) bool { return !c.Point(m.Name(), attributes) || !c.flow(attributes) }
				return remove(m, drop) == 0
			})
			return sm.Metrics().Len() == 0
		})
		return rm.ScopeMetrics().Len() == 0
	})
	return md.ResourceMetrics().Len() > 0
}

// flow tells whether a flow is to be kept. Behind a translated address is who answers there.
func (c *Cut) flow(attributes pcommon.Map) bool {
	source, ok := end(attributes, names.SourceAddress, names.SourcePort)
	if !ok || !c.Among(source) {
		return false
	}
	destination, ok := end(attributes, names.DestinationNATAddress, names.DestinationNATPort)
	if !ok {
		destination, ok = end(attributes, names.DestinationAddress, names.DestinationPort)
	}
	return !ok || c.Among(destination) // a listener has no peer
}

// end reads an address and its port, 0 if that is not told.
func end(attributes pcommon.Map, address, port string) (netip.AddrPort, bool) {
	text, ok := attributes.Get(address)
	if !ok {
		return netip.AddrPort{}, false
	}
	parsed, err := netip.ParseAddr(text.Str())
	number := uint16(0)
	if value, ok := attributes.Get(port); ok {
		number = uint16(value.Int())
	}
	return netip.AddrPortFrom(parsed, number), err == nil
}
