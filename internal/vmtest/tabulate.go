// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tcpwhy/tcpwhy/internal/testutil/kernel"
	"github.com/tcpwhy/tcpwhy/internal/vmtest/table"
)

const readme = "README.md"

// tabulate compares the README's table with what the legs found, or writes it.
func (s *settings) tabulate(legs []*leg) error {
	found, err := learn(legs)
	if err != nil {
		return err
	}
	document, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	updated, err := found.Replace(string(document))
	switch {
	case err != nil:
		return fmt.Errorf("compare %s: %w", readme, err)
	case updated == string(document):
		return nil
	case !s.update:
		return errors.New("compare " + readme + ": its table of kernels is not what this run found: make test-kernels UPDATE=1")
	}
	return os.WriteFile(readme, []byte(updated), 0o644)
}

// learn returns what the legs found. A host whose kernel the table does not have
// is left out.
func learn(legs []*leg) (table.Table, error) {
	found := make(table.Table)
	for _, l := range legs {
		k, is := kernel.Identify(l.Release)
		for _, p := range l.Packages {
			if !is {
				continue
			}
			if err := found.Learn(k, p); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// keep writes the legs to a file for machines.
func keep(file string, legs []*leg) error {
	content, err := json.MarshalIndent(legs, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o644)
}
