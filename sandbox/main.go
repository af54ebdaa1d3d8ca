// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Command sandbox runs a shop of 17 services on this machine, breaks it, and scores what
// a collector says about that.
package main

import (
	"fmt"
	"os"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/command"
)

func main() {
	if err := command.New().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
