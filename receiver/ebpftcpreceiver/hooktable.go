// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"fmt"
	"io"
	"strings"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A hook is where in the kernel a job is done, nowhere if it has no name; why not at a
// better one, and what that loses, if there is one; and what no hook shows.
type hook struct{ job, name, reason, lost, never string }

// place is the hook's name.
func (h hook) place() string {
	if h.name == "" {
		return names.NoHook
	}
	return h.name
}

// jobWidth is room for the longest job's name.
const jobWidth = 22

// row is the hook as one line of the log.
func (h hook) row() string {
	row := fmt.Sprintf("%-*s  %s", jobWidth, h.job, h.place())
	if h.reason != "" {
		row += fmt.Sprintf("; why not better: %s; lost: %s", h.reason, h.lost)
	}
	if h.never != "" {
		row += "; no hook shows: " + h.never
	}
	return row
}

// printHooks writes the table with what is lost below each job.
func printHooks(w io.Writer, hooks []hook) error {
	var table strings.Builder
	fmt.Fprintf(&table, "%-*s  %s\n", jobWidth, "JOB", "HOOK")
	for _, h := range hooks {
		fmt.Fprintf(&table, "%-*s  %s\n", jobWidth, h.job, h.place())
		if h.reason != "" {
			fmt.Fprintf(&table, "%-*s    why not better: %s\n", jobWidth, "", h.reason)
			fmt.Fprintf(&table, "%-*s    lost: %s\n", jobWidth, "", h.lost)
		}
		if h.never != "" {
			fmt.Fprintf(&table, "%-*s    no hook shows: %s\n", jobWidth, "", h.never)
		}
	}
	_, err := io.WriteString(w, table.String())
	return err
}
