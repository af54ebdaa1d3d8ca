// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"strings"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// flowAttributes are those that all data points of one flow have, apart from those of
// its ends.
var flowAttributes = map[string]bool{
	names.NetworkType: true, names.NetworkTransport: true, names.HandshakeRole: true,
	names.SameHost: true, names.MetricOverflow: true, names.FlowPair: true,
}

func ofFlow(name string) bool {
	return flowAttributes[name] || strings.HasPrefix(name, "source.") || strings.HasPrefix(name, "destination.")
}
