// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/localize"
)

// Round trips that rise from 1 ms to 2 matter within a zone, or where that is not known. Between zones
// it takes more, unless some of a pair's pods are in one.
func TestARiseBetweenZonesHasToBeLonger(t *testing.T) {
	unknown := func(e localize.End) localize.End { e.Zone = ""; return e }
	near, far := pod("service-k", 1, 3), pod("service-k", 2, 2)
	for _, test := range []struct {
		name    string
		servers []localize.End
		to      float64 // s
		told    bool
	}{
		{"within a zone", []localize.End{near}, .002, true},
		{"between zones", []localize.End{far}, .002, false},
		{"between zones, longer", []localize.End{far}, .012, true},
		{"to a zone that is not known", []localize.End{unknown(far)}, .002, true},
		{"within a zone and between two", []localize.End{near, far}, .002, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, width)
			for _, server := range test.servers {
				w.talk(pod("service-j", 1, 1), server)
			}
			w.run(60)
			for _, l := range w.links {
				l.rtt = test.to
			}
			w.run(12)
			if test.told {
				assert.Contains(t, w.last(t).Problem.Title, "Round trips take longer")
			} else {
				assert.NotContains(t, strings.Join(w.told, "\n"), "tcp_rtt_rise") // of the jitter it may be told
			}
		})
	}
}
