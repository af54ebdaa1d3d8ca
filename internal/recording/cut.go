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
	// Source and Destination tell which flows to keep: both have to be. Who connects and finds no
	// port has no address.
	Source      func(resource pcommon.Map, address netip.Addr) bool
	Destination func(netip.AddrPort) bool
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
		resource := rm.Resource().Attributes()
		rm.ScopeMetrics().RemoveIf(func(sm pmetric.ScopeMetrics) bool {
			sm.Metrics().RemoveIf(func(m pmetric.Metric) bool {
				drop := func(attributes pcommon.Map) bool {
					return !c.Point(m.Name(), attributes) || !c.flow(resource, attributes)
				}
				return remove(m, drop) == 0
			})
			return sm.Metrics().Len() == 0
		})
		return rm.ScopeMetrics().Len() == 0
	})
	return md.ResourceMetrics().Len() > 0
}

// flow tells whether a flow is to be kept. Behind a translated address is who answers there.
func (c *Cut) flow(resource, attributes pcommon.Map) bool {
	if !c.Source(resource, address(attributes, names.SourceAddress)) {
		return false
	}
	to, port := address(attributes, names.DestinationNATAddress), names.DestinationNATPort
	if !to.IsValid() {
		to, port = address(attributes, names.DestinationAddress), names.DestinationPort
	}
	if !to.IsValid() {
		return true // a listener has no peer
	}
	number := uint16(0)
	if value, ok := attributes.Get(port); ok {
		number = uint16(value.Int())
	}
	return c.Destination(netip.AddrPortFrom(to, number))
}

// address is that of an attribute; not valid if there is none.
func address(attributes pcommon.Map, name string) netip.Addr {
	text, ok := attributes.Get(name)
	if !ok {
		return netip.Addr{}
	}
	parsed, _ := netip.ParseAddr(text.Str())
	return parsed
}
