// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import "go.opentelemetry.io/collector/component"

// Config is the configuration of tcp_anomaly. There is nothing to set yet; an
// unknown key is an error.
type Config struct{}

func createDefaultConfig() component.Config {
	return &Config{}
}
