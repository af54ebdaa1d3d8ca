// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

// maxNATEntries bounds nat::max_entries.
const maxNATEntries = 1 << 20

// A NATConfig says how far the receiver looks behind translated addresses.
type NATConfig struct {
	// Enabled looks for the real peer of connections whose addresses this host
	// translates.
	Enabled bool `mapstructure:"enabled"`
	// MaxEntries is the number of translated connections that are known at once.
	MaxEntries int `mapstructure:"max_entries"`

	_ struct{}
}

func defaultNAT() NATConfig { return NATConfig{Enabled: true, MaxEntries: 65536} }

func (cfg *NATConfig) check() error {
	return within("nat::max_entries", cfg.MaxEntries, 1, maxNATEntries)
}
