// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/view"
)

func show() *cobra.Command {
	verdicts := filepath.Join("out", "drill", "verdicts.json")
	c := &cobra.Command{Use: "view", Short: "Show services, faults and problems, and inject faults, in the terminal", RunE: func(*cobra.Command, []string) error {
		return view.Run(supervise.NewConsole(folder), verdicts)
	}}
	c.Flags().StringVar(&verdicts, "verdicts", verdicts, "file into which a collector writes what it says")
	return c
}
