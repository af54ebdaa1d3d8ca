// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/drill"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
)

// plans are those that can be run, by name.
var plans = map[string]func(seed uint64) drill.Plan{"full": drill.Full, "smoke": drill.Smoke, "quiet": drill.Quiet}

// drillOptions are the flags of drill and demo.
func drillOptions(c *cobra.Command) (*drill.Options, *uint64) {
	o, seed := &drill.Options{}, new(uint64)
	o.Say = func(format string, args ...any) { c.Printf(format+"\n", args...) }
	c.Flags().StringVar(&o.Collector, "collector", built, "the collector's binary")
	c.Flags().StringVar(&o.Out, "out", filepath.Join("out", "drill"), "folder for the report")
	c.Flags().Float64Var(&o.Load, "load", shop.DefaultLoad, "customers' requests each second")
	c.Flags().Uint64Var(seed, "seed", 1, "seed of the plan and of all that is random")
	return o, seed
}

func runDrill() *cobra.Command {
	c := &cobra.Command{Use: "drill [full|smoke|quiet]", Short: "Break the shop by a plan, and score what the collector says", Args: cobra.MaximumNArgs(1)}
	o, seed := drillOptions(c)
	check := c.Flags().Bool("check", false, "fail if no fault at all was found")
	c.RunE = func(c *cobra.Command, args []string) error {
		name := append(args, "full")[0]
		plan, ok := plans[name]
		if !ok {
			return fmt.Errorf("run drill: there is no plan %q", name)
		}
		r, err := run(plan(*seed), *o)
		if r.Start.IsZero() {
			return err
		}
		c.Printf("\n%s\nThe report: %s\n\n", r.Load, o.Out)
		err = errors.Join(err, drill.Print(c.OutOrStdout(), r.Score))
		if *check {
			err = errors.Join(err, drill.Check(r))
		}
		return err
	}
	return c
}

// run runs a drill until it or the user ends it.
func run(p drill.Plan, o drill.Options) (drill.Report, error) {
	ctx, stop := untilStopped()
	defer stop()
	o.Run = folder
	return drill.Run(ctx, p, o)
}

func report() *cobra.Command {
	var compare bool
	var verdicts, out string
	c := &cobra.Command{Use: "report FILE…", Short: "Pool the reports of several drills, or compare two", Args: cobra.MinimumNArgs(1)}
	c.Flags().BoolVar(&compare, "compare", false, "compare two drills; an error if they do not agree")
	c.Flags().StringVar(&verdicts, "verdicts", "", "score what another collector says of the one drill, in this file")
	c.Flags().StringVar(&out, "out", "", "write it as pooled.json and pooled.html into this folder, too")
	c.RunE = func(c *cobra.Command, args []string) error {
		var all []drill.Report
		for _, path := range args {
			r, err := drill.ReadReport(path)
			if err != nil {
				return err
			}
			all = append(all, r)
		}
		if verdicts != "" {
			if len(all) != 1 {
				return fmt.Errorf("score verdicts: they are of one drill, not of %d", len(all))
			}
			if err := all[0].Judge(verdicts); err != nil {
				return err
			}
		}
		if !compare {
			return pool(c.OutOrStdout(), all, out)
		}
		if out != "" {
			return errors.New("compare reports: it is not written, leave out --out")
		}
		if len(all) != 2 {
			return fmt.Errorf("compare reports: %d files are not 2", len(all))
		}
		agree, err := drill.Compare(c.OutOrStdout(), all[0], all[1])
		if err == nil && !agree {
			err = errors.New("compare reports: they do not agree")
		}
		return err
	}
	return c
}

// pool tells the score of several drills together, and writes it into a folder if one is named.
func pool(w io.Writer, all []drill.Report, out string) error {
	p, err := drill.NewPool(all)
	if err != nil {
		return err
	}
	if out != "" {
		if err := p.Write(out); err != nil {
			return err
		}
	}
	return drill.Print(w, p.Score)
}

func demo() *cobra.Command {
	c := &cobra.Command{Use: "demo", Short: "3 % loss from service-j to service-k: what is found, and how fast"}
	o, seed := drillOptions(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if os.Geteuid() != 0 {
			return errors.New("run demo: network namespaces and eBPF need root: sudo make demo")
		}
		r, err := run(drill.Demo(*seed), *o)
		if !r.Start.IsZero() {
			tell(c.OutOrStdout(), r)
		}
		if err == nil {
			c.Println("Everything is down.")
		}
		return err
	}
	return c
}
