// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Command replay shows an engine what a receiver told in the past, and writes what it would
// have said: a change of a rule is judged by hours of real traffic in seconds. It reads what
// internal/recording does, as a drill keeps it, and writes log records as the file exporter
// writes JSON.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/collector/confmap"

	"github.com/tcpwhy/tcpwhy/internal/anomaly"
)

func main() {
	identities := flag.String("identities", "", "identity::static::file of the processor")
	tick := flag.Duration("interval", 5*time.Second, "interval of the processor")
	out := flag.String("out", "verdicts.json", "file for what is said")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "replay: give it one file of flows, see -h")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *identities, *out, *tick); err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1)
	}
}

func run(flows, identities, out string, tick time.Duration) (err error) {
	cfg, err := configure(identities, tick)
	if err != nil {
		return err
	}
	in, err := os.Open(flows)
	if err != nil {
		return fmt.Errorf("read flows: %w", err)
	}
	defer func() { _ = in.Close() }()
	to, err := os.Create(out)
	if err != nil {
		return fmt.Errorf("write verdicts: %w", err)
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	return play(context.Background(), cfg, in, to)
}

// configure returns the configuration of a processor that does nothing but detect.
func configure(identities string, tick time.Duration) (*anomaly.Config, error) {
	cfg := anomaly.CreateDefaultConfig().(*anomaly.Config)
	given := map[string]any{"interval": tick.String()}
	if identities != "" {
		given["identity"] = map[string]any{"static": map[string]any{"file": identities}}
	}
	if err := confmap.NewFromStringMap(given).Unmarshal(cfg); err != nil {
		return nil, fmt.Errorf("configure processor: %w", err)
	}
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure processor: %w", err)
	}
	return cfg, nil
}
