// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
)

func status() *cobra.Command {
	return &cobra.Command{Use: "status", Short: "Tell what each pod has done", RunE: func(c *cobra.Command, _ []string) error {
		s, err := supervise.NewConsole(folder).Status()
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "POD\tNODE\tADDRESS\tSERVED\tCALLS (done/failed)")
		for _, p := range s.Pods {
			var calls []string
			for service, n := range p.Calls {
				if service != "" {
					calls = append(calls, fmt.Sprintf("%s %d/%d", strings.TrimPrefix(service, "service-"), n.Done, n.Failed))
				}
			}
			slices.Sort(calls)
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s%s\n", p.Name, p.Node, p.Address, p.Calls[""].Done, strings.Join(calls, "  "), p.Error)
		}
		return w.Flush()
	}}
}

func faults() *cobra.Command {
	return &cobra.Command{Use: "faults", Short: "List what can go wrong, and what a collector is expected to say", RunE: func(c *cobra.Command, _ []string) error {
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "CLASS\tFAULT\tWHAT\tWHERE\tEXPECTED")
		for _, kind := range fault.Kinds() {
			expected := strings.Join(kind.Expect, ", ")
			if expected == "" {
				expected = "nothing: TCP cannot see it"
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%v\t%s\n", kind.Class, kind.Name, kind.About, kind.Places, expected)
		}
		return w.Flush()
	}}
}

func inject() *cobra.Command {
	var seed uint64
	c := &cobra.Command{
		Use: "inject FAULT KIND A [B]", Short: "Begin a fault, such as: inject loss-3 pair service-j service-k",
		Args: cobra.RangeArgs(3, 4),
		RunE: func(c *cobra.Command, args []string) error {
			spec := fault.Spec{Fault: args[0], Place: fault.Place{Kind: fault.PlaceKind(args[1]), A: args[2]}, Seed: seed}
			if len(args) == 4 {
				spec.Place.B = args[3]
			}
			one, err := supervise.NewConsole(folder).Inject(spec)
			if err != nil {
				return err
			}
			c.Printf("Fault %d began: %s, %s. End it: sandbox lift %d\n", one.ID, one.Fault, one.Place, one.ID)
			return nil
		},
	}
	c.Flags().Uint64Var(&seed, "seed", 1, "seed of what happens to packets")
	return c
}

func lift() *cobra.Command {
	return &cobra.Command{Use: "lift NUMBER", Short: "End a fault", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		id, err := strconv.ParseUint(args[0], 10, 16)
		if err != nil {
			return fmt.Errorf("read number of fault: %w", err)
		}
		one, err := supervise.NewConsole(folder).Lift(uint16(id))
		if err != nil {
			return err
		}
		c.Printf("Fault %d ended: %s, %s. Packets %d, dropped %d, late %d, twice %d.\n",
			one.ID, one.Fault, one.Place, one.Stats.Packets, one.Stats.Dropped, one.Stats.Late, one.Stats.Twice)
		if one.Witness != nil {
			c.Printf("Witness: %s.\n", one.Witness)
		}
		return nil
	}}
}

func history() *cobra.Command {
	return &cobra.Command{Use: "history", Short: "List all faults so far", RunE: func(c *cobra.Command, _ []string) error {
		all, err := supervise.NewConsole(folder).History()
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "NO\tFAULT\tPLACE\tSTATE\tSTART\tEND\tPACKETS\tDROPPED")
		for _, one := range all {
			end := one.Failed
			if one.State() == supervise.Ended {
				end = one.End.Format(time.TimeOnly)
			}
			_, _ = fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%d\t%d\n", one.ID, one.Fault, one.Place, one.State(),
				one.Start.Format(time.TimeOnly), end, one.Stats.Packets, one.Stats.Dropped)
		}
		return w.Flush()
	}}
}
