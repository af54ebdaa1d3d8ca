// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/drill"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
)

// options are the flags of up and supervise: those of the shop, and which collector is to
// watch it, if any.
func options(c *cobra.Command) (*supervise.Options, *string) {
	o, collector := &supervise.Options{}, c.Flags().String("collector", "", "start this collector too, "+built+" if none is named; what it says is in the folder collector of the run folder")
	c.Flags().Lookup("collector").NoOptDefVal = built
	c.Flags().Float64Var(&o.Load, "load", shop.DefaultLoad, "customers' requests each second")
	c.Flags().DurationVar(&o.Day, "day", 24*time.Hour, "length of a day, in which the load swings")
	c.Flags().Uint64Var(&o.Seed, "seed", 1, "seed of all that is random")
	return o, collector
}

// built is the collector that make build builds.
var built = filepath.Join("bin", "otelcol-tcpwhy")

func up() *cobra.Command {
	c := &cobra.Command{Use: "up", Short: "Start the shop in the background", Args: cobra.NoArgs}
	o, collector := options(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		log, err := os.Create(filepath.Join(folder, "supervise.log"))
		if err != nil {
			return err
		}
		defer func() { _ = log.Close() }()
		self, err := os.Executable()
		if err != nil {
			return err
		}
		keeper := exec.Command(self, "supervise", "--run", folder, fmt.Sprintf("--load=%g", o.Load),
			fmt.Sprintf("--day=%s", o.Day), fmt.Sprintf("--seed=%d", o.Seed), "--collector="+*collector)
		keeper.Stdout, keeper.Stderr = log, log
		keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		ctx, stop := untilStopped()
		defer stop()
		if err := keeper.Start(); err != nil {
			return err
		}
		return await(ctx, c, keeper, log.Name())
	}
	return c
}

// await returns when the shop answers, or its keeper has ended, which it does when ctx ends.
func await(ctx context.Context, c *cobra.Command, keeper *exec.Cmd, log string) error {
	ended := make(chan error, 1)
	go func() { ended <- keeper.Wait() }()
	for {
		select {
		case err := <-ended:
			why, _ := os.ReadFile(log)
			return fmt.Errorf("start shop: its keeper has ended (%w): %s", err, strings.TrimSpace(string(why)))
		case <-ctx.Done():
			return errors.Join(errors.New("start shop: it was stopped"), keeper.Process.Signal(syscall.SIGTERM), <-ended)
		case <-time.After(100 * time.Millisecond):
		}
		if status, err := supervise.NewConsole(folder).Status(); err == nil && status.PID == keeper.Process.Pid {
			c.Printf("The shop is up: %d pods. Who is who: %s\n", len(status.Pods), status.Identities)
			if status.Verdicts != "" {
				c.Printf("A collector watches. What it says: %s\n", status.Verdicts)
			}
			if status.Missing != "" {
				c.Printf("Not all faults can be injected here: %s\n", status.Missing)
			}
			return nil
		}
	}
}

// keep is what up leaves in the background.
func keep() *cobra.Command {
	c := &cobra.Command{Use: "supervise", Hidden: true, Short: "Start the shop and stay", Args: cobra.NoArgs}
	o, collector := options(c)
	c.RunE = func(*cobra.Command, []string) error {
		ctx, stop := untilStopped()
		defer stop()
		o.Folder = folder
		s, err := supervise.Up(*o)
		if err != nil {
			return err
		}
		if *collector == "" {
			return errors.Join(s.Control(ctx), s.Down())
		}
		watcher, err := drill.StartCollector(*collector, s, filepath.Join(folder, "collector"), false)
		if err != nil {
			return errors.Join(err, s.Down())
		}
		go func() {
			<-watcher.Gone()
			s.Unwatched()
		}()
		err = errors.Join(s.Control(ctx), s.Down()) // which ends the collector first
		return errors.Join(err, watcher.Stop())
	}
	return c
}

func down() *cobra.Command {
	return &cobra.Command{Use: "down", Short: "Take the shop down, and remove what a crash left", RunE: func(c *cobra.Command, _ []string) error {
		err := supervise.NewConsole(folder).Down()
		if err == nil {
			c.Println("The shop is down.")
			return nil
		}
		if recovered := supervise.Recover(folder); recovered != nil {
			return errors.Join(err, recovered)
		}
		c.Println("No shop is up; nothing of one is left.")
		return nil
	}}
}
