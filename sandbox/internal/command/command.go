// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package command is the command line: one file a verb.
package command

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/node"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/pod"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
)

// folder is where a shop keeps its files, unless told otherwise.
var folder = filepath.Join("/run", "tcpwhy-sandbox")

// New returns the command with all its verbs.
func New() *cobra.Command {
	root := &cobra.Command{
		Use: "sandbox", Short: "A shop of 17 services that can be broken, and a score for who explains it",
		SilenceUsage: true, SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&folder, "run", folder, "folder in which a shop keeps its files")
	root.AddCommand(show(), runDrill(), report(), demo(), up(), keep(), status(), faults(), inject(), lift(), history(), down())
	root.AddCommand(
		&cobra.Command{Use: "pod", Hidden: true, RunE: func(*cobra.Command, []string) error { return pod.Main(os.Stdin, os.Stdout) }},
		&cobra.Command{Use: "reap", Hidden: true, RunE: func(*cobra.Command, []string) error { return supervise.Reap(os.Stdin, folder) }},
		&cobra.Command{Use: "node", Hidden: true, RunE: func(*cobra.Command, []string) error { return node.Main(os.Stdin, os.Stdout) }},
	)
	return root
}
