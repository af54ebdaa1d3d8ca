// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"errors"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// An AttributesConfig switches attributes by name, so that an unknown one is an error.
type AttributesConfig struct {
	// FlowPair is a key of both ends that is the same from either.
	FlowPair AttributeConfig `mapstructure:"tcp.flow.pair"`

	_ struct{}
}

// An AttributeConfig switches one attribute.
type AttributeConfig struct {
	Enabled bool `mapstructure:"enabled"`

	_ struct{}
}

func (cfg *Config) checkAttributes() error {
	if cfg.Attributes.FlowPair.Enabled && !cfg.NAT.Enabled {
		return errors.New("attributes::" + names.FlowPair + ": needs nat::enabled, or both ends of a translated connection would not have the same")
	}
	return nil
}
