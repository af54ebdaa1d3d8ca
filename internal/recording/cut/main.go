// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Cut takes a golden case's in.binpb.zst from a recording: what some workloads said of each
// other in a while, and of that what detection reads.
//
//	go run ./internal/recording/cut -identities shop.yaml -among service-j,service-k \
//		-from 9m30s -to 12m flows.binpb.zst processor/tcpanomalyprocessor/testdata/golden/NAME/in.binpb.zst
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/anomaly"
	"github.com/tcpwhy/tcpwhy/internal/identity/static"
	"github.com/tcpwhy/tcpwhy/internal/recording"
)

func main() {
	identities := flag.String("identities", "", "file with names, as tcp_anomaly's identity::static::file")
	among := flag.String("among", "", "keep flows whose both ends are among these workloads, pods, services, addresses or CIDRs, separated by commas")
	from := flag.String("from", "0s", "first piece: time after the recording's first one, or RFC 3339")
	to := flag.String("to", "24h", "last piece, likewise")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: cut [flags] RECORDING RESULT")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Arg(0), flag.Arg(1), *identities, *among, *from, *to); err != nil {
		fmt.Fprintln(os.Stderr, "cut:", err)
		os.Exit(1)
	}
}

func run(source, target, identities, among, from, to string) (err error) {
	table := new(static.Table)
	if identities != "" {
		text, err := os.ReadFile(identities)
		if err != nil {
			return err
		}
		if table, err = static.Parse(identities, text); err != nil {
			return err
		}
	}
	in, err := os.Open(source)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(target)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	wanted := parseEnds(among)
	return write(in, out, &recording.Cut{
		Point: anomaly.Watched,
		Source: func(resource pcommon.Map, address netip.Addr) bool {
			return wanted.has(address, table.Local(local(resource, address)))
		},
		Destination: func(end netip.AddrPort) bool { return wanted.has(end.Addr(), table.Remote(end.Addr(), end.Port())) },
	}, from, to)
}

// errDone ends the reading.
var errDone = errors.New("done")

func write(in io.Reader, out io.Writer, cut *recording.Cut, from, to string) error {
	w, err := recording.NewWriter(out)
	if err != nil {
		return err
	}
	pieces := 0
	err = recording.Read(in, func(md pmetric.Metrics) error {
		at := recording.Time(md)
		if cut.To.IsZero() {
			if err := bounds(cut, at, from, to); err != nil {
				return err
			}
		}
		if at.After(cut.To) {
			return errDone
		}
		if !cut.Apply(md) {
			return nil
		}
		pieces++
		return w.Write(md)
	})
	if err != nil && !errors.Is(err, errDone) {
		return err
	}
	if pieces == 0 {
		return errors.New("nothing is left: no flow is among those in this time")
	}
	return w.Close()
}

// bounds sets the times of a cut from those of the command line.
func bounds(cut *recording.Cut, first time.Time, from, to string) (err error) {
	if cut.From, err = moment(first, from); err != nil {
		return fmt.Errorf("parse -from: %w", err)
	}
	if cut.To, err = moment(first, to); err != nil {
		return fmt.Errorf("parse -to: %w", err)
	}
	return nil
}

func moment(first time.Time, text string) (time.Time, error) {
	if after, err := time.ParseDuration(text); err == nil {
		return first.Add(after), nil
	}
	return time.Parse(time.RFC3339, text)
}
