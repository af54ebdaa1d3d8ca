// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build builder

// A part of the distribution's main package: make build copies it beside what the
// Collector's builder writes, whose command knows no sub-commands of ours.
package main

import (
	"fmt"
	"os"

	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver"
)

// The command "doctor" is looked for before the Collector's own ones.
func init() {
	if len(os.Args) != 2 || os.Args[1] != "doctor" {
		return
	}
	if err := ebpftcpreceiver.Doctor(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
