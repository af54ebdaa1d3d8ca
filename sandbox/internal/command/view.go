// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"github.com/spf13/cobra"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/view"
)

func show() *cobra.Command {
	var verdicts string
	c := &cobra.Command{Use: "view", Short: "Show services, faults and problems, and inject faults, in the terminal", RunE: func(*cobra.Command, []string) error {
		return view.Run(supervise.NewConsole(folder), verdicts)
	}}
	c.Flags().StringVar(&verdicts, "verdicts", "", "file into which a collector writes what it says (default that of the shop's own: of a drill, a demo, or up --collector)")
	return c
}
