// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import "go.opentelemetry.io/collector/component"

// Settings say which component of a collector this is.
type Settings struct {
	ID   component.ID
	Kind component.Kind
	// Scope is the name of the instrumentation scope of what is told.
	Scope string
	// Clock is the time; the zero one is the system's.
	Clock Clock
	component.TelemetrySettings
	BuildInfo component.BuildInfo
}
