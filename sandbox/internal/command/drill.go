// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/drill"
)

// plans are those that can be run, by name.
var plans = map[string]func(seed uint64) drill.Plan{"full": drill.Full, "smoke": drill.Smoke, "quiet": drill.Quiet}

// drillOptions are the flags of drill and demo.
func drillOptions(c *cobra.Command) (*drill.Options, *uint64) {
	o, seed := &drill.Options{}, new(uint64)
	o.Say = func(format string, args ...any) { c.Printf(format+"\n", args...) }
	c.Flags().StringVar(&o.Collector, "collector", filepath.Join("bin", "otelcol-tcpwhy"), "the collector's binary")
	c.Flags().StringVar(&o.Out, "out", filepath.Join("out", "drill"), "folder for the report")
	c.Flags().Float64Var(&o.Load, "load", 16, "customers' requests each second")
	c.Flags().Uint64Var(seed, "seed", 1, "seed of the plan and of all that is random")
	return o, seed
}

func runDrill() *cobra.Command {
	c := &cobra.Command{Use: "drill [full|smoke|quiet]", Short: "Break the shop by a plan, and score what the collector says", Args: cobra.MaximumNArgs(1)}
	o, seed := drillOptions(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		name := append(args, "full")[0]
		plan, ok := plans[name]
		if !ok {
			return fmt.Errorf("run drill: there is no plan %q", name)
		}
		r, err := run(plan(*seed), *o)
		if err != nil {
			return err
		}
		c.Printf("\nThe collector took %.2f CPUs and %d MiB. The report: %s\n\n", r.Usage.CPU, r.Usage.Memory>>20, o.Out)
		return drill.Print(c.OutOrStdout(), r.Score)
	}
	return c
}

// run runs a drill until it or the user ends it.
func run(p drill.Plan, o drill.Options) (drill.Report, error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	o.Run = folder
	return drill.Run(ctx, p, o)
}

func report() *cobra.Command {
	return &cobra.Command{
		Use: "report FILE…", Short: "Pool the reports of several drills", Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var all []drill.Report
			for _, path := range args {
				r, err := drill.ReadReport(path)
				if err != nil {
					return err
				}
				all = append(all, r)
			}
			return drill.Print(c.OutOrStdout(), drill.Pool(all))
		},
	}
}

func demo() *cobra.Command {
	c := &cobra.Command{Use: "demo", Short: "3 % loss from service-j to service-k: what is found, and how fast"}
	o, seed := drillOptions(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if os.Geteuid() != 0 {
			return errors.New("run demo: network namespaces and eBPF need root: sudo make demo")
		}
		r, err := run(drill.Demo(*seed), *o)
		if err != nil {
			return err
		}
		tell(c, r)
		return nil
	}
	return c
}

// tell says in plain words what was found, and what was true.
func tell(c *cobra.Command, r drill.Report) {
	if len(r.Score.Outcomes) == 0 {
		c.Println("It was stopped before the fault began. Everything is down.")
		return
	}
	o, truth := r.Score.Outcomes[0], r.Injections[0]
	c.Printf("\nThe truth: from %s on, %d of %d packets between service-j and service-k were lost; %d services are reached.\n",
		truth.Start.Format(time.TimeOnly), truth.Stats.Dropped, truth.Stats.Packets, len(o.Fault.Impact))
	if !o.Detected {
		c.Printf("The collector found nothing in %v.\n", r.End.Sub(truth.Start).Round(time.Second))
		return
	}
	for _, p := range r.Problems {
		if p.ID != o.Problems[0] {
			continue
		}
		c.Printf("The collector said after %.0f s: %s\n  type %s (%s), root %s (%s), services %s (%.0f %% in common with the truth)\n",
			o.Delay.Seconds(), p.Title, p.Type, yes(o.Right), p.Candidates[0], yes(o.Rank == 1), strings.Join(p.Services, " "), 100*o.Impact)
	}
	c.Printf("Other problems of the same fault: %d. False problems: %d. The talk's three minutes are 180 s.\nEverything is down.\n",
		len(o.Problems)-1, len(r.Score.False))
}

func yes(right bool) string {
	if right {
		return "right"
	}
	return "wrong"
}
