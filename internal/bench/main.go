// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

// A bench is one run of the program.
type bench struct {
	out         io.Writer
	pairs       int           // of throughput with and without
	repetitions int           // of everything else
	run         time.Duration // of one measurement of throughput
	cpus        [2]int        // for either end
	quick       bool          // leave out what takes long
}

// A section is a group of tables.
type section struct {
	name  string
	print func(*bench) error
}

var sections = []section{
	{"throughput", (*bench).throughput},
	{"cost", (*bench).cost},
	{"sweep", (*bench).sweep},
	{"drain", (*bench).drain},
	{"memory", (*bench).memory},
	{"detect", (*bench).detect},
	{"engine", (*bench).engine},
	{"collector", (*bench).collector},
	{"identity", (*bench).identity},
	{"translation", (*bench).translation},
	{"processor", (*bench).processor},
	{"beside", (*bench).beside},
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == childArgument {
		child(os.Args[2])
	}
	quick := flag.Bool("quick", false, "measure little, to see whether all works")
	only := flag.String("only", "", "print this section only: throughput, cost, sweep, drain, memory, detect, engine, collector, identity, translation, processor or beside")
	flag.Parse()

	b := &bench{out: os.Stdout, pairs: 15, repetitions: 11, run: 250 * time.Millisecond, quick: *quick}
	if *quick {
		b.pairs, b.repetitions, b.run = 3, 3, 100*time.Millisecond
	}
	if err := b.all(*only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (b *bench) all(only string) error {
	if os.Geteuid() != 0 {
		return errors.New("load programs: root is missing: sudo make bench")
	}
	var err error
	if b.cpus, err = chooseCPUs(); err != nil {
		return err
	}
	if err := b.machine(); err != nil {
		return err
	}
	found := false
	for _, s := range sections {
		if only != "" && only != s.name {
			continue
		}
		found = true
		if err := s.print(b); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if !found {
		return fmt.Errorf("find section %q: there is none", only)
	}
	return nil
}
