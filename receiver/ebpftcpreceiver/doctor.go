// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"fmt"
	"io"
)

// Doctor writes what the receiver could do on this machine, with what this process may
// do: where each job would be done, and which capabilities are held. It observes
// nothing. Its error is the sentence with which the receiver would not start.
func Doctor(w io.Writer) error {
	hooks, err := tryBPF(createDefaultConfig().(*Config))
	if e := diagnose(w, hooks, readPrivileges(), err); e != nil {
		return e
	}
	return err
}

// diagnose writes the tables, and a verdict.
func diagnose(w io.Writer, hooks []hook, held privileges, failure error) error {
	if len(hooks) > 0 {
		if err := printHooks(w, hooks); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	if err := printPrivileges(w, held); err != nil {
		return err
	}
	verdict := "\nebpf_tcp can observe this machine.\n"
	if failure != nil {
		verdict = "\nebpf_tcp cannot observe this machine.\n"
	}
	_, err := io.WriteString(w, verdict)
	return err
}

func printPrivileges(w io.Writer, all privileges) error {
	if _, err := fmt.Fprintf(w, "%-*s  %-4s  %s\n", jobWidth, "CAPABILITY", "HELD", "BUYS"); err != nil {
		return err
	}
	for _, p := range all {
		held := "no"
		if p.held {
			held = "yes"
		}
		if _, err := fmt.Fprintf(w, "%-*s  %-4s  %s\n", jobWidth, p.name, held, p.buys); err != nil {
			return err
		}
	}
	return nil
}
