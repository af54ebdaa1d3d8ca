// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// The command vmtest runs the tests that touch the kernel on several kernels,
// the same binaries on each: those of Debian in virtual machines, and the host's.
// A test may skip only what the table of internal/testutil/kernel lets a kernel lack.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// settings are what the command line says.
type settings struct {
	kernels  []string
	patterns []string
	run      string
	count    int
	update   bool
	sudo     string
	cache    string
	timeout  time.Duration
	verbose  bool
}

func main() {
	s, err := parse(os.Args[1:])
	if err != nil {
		os.Exit(2)
	}
	err = interruptible(s.test)
	if err != nil {
		fmt.Fprintln(os.Stderr, "vmtest:", err)
		os.Exit(1)
	}
}

// interruptible calls a function whose context ends with a signal, or with go run,
// which passes none on.
func interruptible(f func(context.Context) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGTERM), 0, 0, 0); err != nil {
		return fmt.Errorf("ask for a signal when the caller dies: %w", err)
	}
	return f(ctx)
}

func parse(args []string) (*settings, error) {
	s := new(settings)
	flags := flag.NewFlagSet("vmtest", flag.ContinueOnError)
	kernels := flags.String("kernels", strings.Join(known(), ","), "kernels to test on, by comma or space")
	packages := flags.String("packages", "./...", "packages to test, as go list takes them, by space")
	flags.StringVar(&s.run, "run", "", "only the tests that match, as go test takes it")
	flags.IntVar(&s.count, "count", 1, "how often to run each test")
	flags.BoolVar(&s.update, "update", false, "write the table in README.md instead of comparing it")
	flags.StringVar(&s.sudo, "sudo", "", "what makes a command on the host run as root")
	flags.StringVar(&s.cache, "cache", defaultCache(), "folder that keeps kernels")
	flags.DurationVar(&s.timeout, "timeout", 20*time.Minute, "how long a kernel may take")
	flags.BoolVar(&s.verbose, "v", false, "print what tests print, as it comes")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	s.kernels = strings.FieldsFunc(*kernels, func(r rune) bool { return r == ',' || r == ' ' })
	s.patterns = strings.Fields(*packages)
	return s, nil
}

func defaultCache() string {
	folder, err := os.UserCacheDir()
	if err != nil {
		folder = os.TempDir()
	}
	return filepath.Join(folder, "tcpwhy", "kernels")
}

// all tells whether all tests of each package are to run. Otherwise there may be
// packages without any, and what the kernels have is not known.
func (s *settings) all() bool { return s.run == "" }
