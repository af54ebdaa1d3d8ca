// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package static

import "errors"

// Config says where the file is.
type Config struct {
	// File is the path of a YAML file.
	File string `mapstructure:"file"`
}

// Validate returns an error that names the key and the rule.
func (c *Config) Validate() error {
	if c.File == "" {
		return errors.New("file: must be the path of a YAML file")
	}
	return nil
}
