// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/impair"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/line"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/nft"
)

// table is the one that all rules are in.
const table = "shop"

// A Fault is what is done to some packets.
type Fault struct {
	ID     uint16         `json:"id"` // not 0
	Ways   []Way          `json:"ways"`
	Match  string         `json:"match,omitempty"`  // more that a packet must match, as nft writes it
	Impair *impair.Config `json:"impair,omitempty"` // nil: all that match are dropped
	Truth  string         `json:"truth,omitempty"`  // file for what was done to which packet
	Last   bool           `json:"last,omitempty"`   // after all others: no fault, but how the network is
}

// A Way is from any of some addresses or networks to any of others.
type Way struct {
	From []string `json:"from"`
	To   []string `json:"to"`
}

// A Command is one line from the node's master; the first one has the services.
type Command struct {
	Services []Service      `json:"services,omitempty"`
	Add      *Fault         `json:"add,omitempty"`
	Remove   uint16         `json:"remove,omitempty"`
	Probe    *impair.Config `json:"probe,omitempty"` // only say whether packets can be impaired like that
}

// A Service is a virtual address and who is behind it.
type Service struct {
	Address string   `json:"address"`
	Port    uint16   `json:"port"`
	Pods    []string `json:"pods"`
}

// A Reply says what was done by each fault that is there, and by one that was removed. With
// an error it tells of the latter alone.
type Reply struct {
	Error string                  `json:"error,omitempty"`
	Stats map[uint16]impair.Stats `json:"stats,omitempty"`
}

type node struct {
	faults []*fault
}

type fault struct {
	Fault
	network network
	truth   *os.File
}

// A network does something to packets.
type network interface {
	Stats() impair.Stats
	Close() error
}

// Main is the process of a node.
func Main(in io.Reader, out io.Writer) error {
	n := &node{}
	err := line.Answer(in, out, func(c Command) Reply {
		last := make(map[uint16]impair.Stats)
		if err := n.obey(c, last); err != nil {
			return Reply{Error: err.Error(), Stats: last}
		}
		stats, err := n.stats()
		if err != nil {
			return Reply{Error: err.Error(), Stats: last}
		}
		for id, s := range last {
			stats[id] = s
		}
		return Reply{Stats: stats}
	})
	for _, f := range n.faults {
		err = errors.Join(err, f.close())
	}
	return err
}

func (n *node) obey(c Command, last map[uint16]impair.Stats) error {
	switch {
	case c.Services != nil:
		hurry()
		return nft.Run(translation(c.Services))
	case c.Add != nil:
		hurry() // also threads that began in the meantime
		return n.add(*c.Add)
	case c.Remove != 0:
		return n.remove(c.Remove, last)
	case c.Probe != nil:
		return probe(c.Probe)
	}
	return nil
}

// hurry does what it can: without it faults are the same, but not on a full machine.
func hurry() {
	if err := precede(); err != nil {
		fmt.Fprintf(os.Stderr, "Packets that are impaired wait for a CPU as processes do: %v\n", err)
	}
}

// probe impairs, but no packet.
func probe(config *impair.Config) error {
	f := &fault{Fault: Fault{ID: math.MaxUint16, Impair: config}}
	err := nft.Run(fmt.Sprintf("add chain ip %s %s\n", table, f.chain()))
	if err != nil {
		return err
	}
	if err = f.open(); err != nil {
		err = fmt.Errorf("impair packets: %w", err)
	}
	return errors.Join(err, nft.Run(fmt.Sprintf("flush chain ip %s %s\ndelete chain ip %s %s\n", table, f.chain(), table, f.chain())), f.close())
}

// translation sends each new connection to a virtual address to one of the pods behind it,
// and makes room for faults.
func translation(services []Service) string {
	var b strings.Builder
	fmt.Fprintf(&b, "table ip %s {\n chain services { type nat hook prerouting priority dstnat;\n", table)
	for _, s := range services {
		var pods []string
		for i, pod := range s.Pods {
			pods = append(pods, fmt.Sprintf("%d : %s", i, pod))
		}
		fmt.Fprintf(&b, "  ip daddr %s tcp dport %d dnat to numgen random mod %d map { %s }\n",
			s.Address, s.Port, len(pods), strings.Join(pods, ", "))
	}
	fmt.Fprintf(&b, " }\n chain faults { type filter hook forward priority filter; }\n chain last { type filter hook forward priority filter + 10; }\n chain copies { type filter hook forward priority filter + 20; }\n}\n")
	return b.String()
}

func (n *node) add(one Fault) error {
	f := &fault{Fault: one}
	commands := fmt.Sprintf("add counter ip %s %s\nadd chain ip %s %s\n", table, f.chain(), table, f.chain())
	if f.Impair == nil {
		commands += fmt.Sprintf("add rule ip %s %s counter name %s drop\n", table, f.chain(), f.chain())
	}
	if err := nft.Run(commands); err != nil {
		return err
	}
	if f.Impair != nil {
		if err := f.open(); err != nil {
			return errors.Join(err, f.close())
		}
	}
	n.faults = append(n.faults, f)
	return n.direct()
}

func (f *fault) open() (err error) {
	if f.Truth != "" {
		if f.truth, err = os.OpenFile(f.Truth, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644); err != nil {
			return fmt.Errorf("write down packets: %w", err)
		}
	}
	var out io.Writer
	if f.truth != nil {
		out = f.truth
	}
	if f.Impair.Chosen() {
		return f.choose(out)
	}
	queue, err := impair.Open(f.ID, *f.Impair, out)
	if err != nil {
		return err
	}
	f.network = queue
	return nft.ToQueue(table, f.chain(), f.ID)
}

func (f *fault) chain() string { return fmt.Sprintf("fault%d", f.ID) }

// direct writes down anew which packets meet which fault. Only those on their way to the
// node's own pods do: between nodes a packet would meet it twice.
func (n *node) direct() error {
	var commands string
	for _, chain := range []string{"faults", "last", "copies"} {
		commands += fmt.Sprintf("flush chain ip %s %s\n", table, chain)
	}
	for _, f := range n.faults {
		chain := "faults"
		switch {
		case f.doubles():
			chain = "copies" // of what neither was dropped nor waits any more
		case f.Last:
			chain = "last"
		}
		for _, way := range f.Ways {
			commands += fmt.Sprintf("add rule ip %s %s oifname %q ip protocol tcp ip saddr { %s } ip daddr { %s } %s jump %s\n",
				table, chain, Bridge, strings.Join(way.From, ", "), strings.Join(way.To, ", "), f.Match, f.chain())
		}
	}
	return nft.Run(commands)
}

// Bridge is the name of the one that the node's pods are at.
const Bridge = "pods"

func (n *node) remove(id uint16, last map[uint16]impair.Stats) error {
	at := slices.IndexFunc(n.faults, func(f *fault) bool { return f.ID == id })
	if at < 0 {
		return nil
	}
	f, before := n.faults[at], slices.Clone(n.faults)
	n.faults = slices.Delete(n.faults, at, at+1)
	if err := n.direct(); err != nil {
		n.faults = before // so that it can be removed once more
		return err
	}
	closed := f.close()
	s, err := f.stats()
	if err != nil {
		return errors.Join(closed, err)
	}
	last[id] = s
	return errors.Join(
		closed,
		nft.Run(fmt.Sprintf("flush chain ip %s %s\ndelete chain ip %s %s\ndelete counter ip %s %s\n",
			table, f.chain(), table, f.chain(), table, f.chain())))
}

func (n *node) stats() (map[uint16]impair.Stats, error) {
	all := make(map[uint16]impair.Stats)
	for _, f := range n.faults {
		s, err := f.stats()
		if err != nil {
			return nil, err
		}
		all[f.ID] = s
	}
	return all, nil
}

func (f *fault) stats() (impair.Stats, error) {
	if f.network != nil {
		return f.network.Stats(), nil
	}
	counters, err := nft.Counters(table)
	if err != nil {
		return impair.Stats{}, err
	}
	dropped := counters[f.chain()].Packets
	return impair.Stats{Packets: dropped, Dropped: dropped}, nil
}

func (f *fault) close() error {
	var errs []error
	if f.network != nil {
		errs = append(errs, f.network.Close())
	}
	if f.truth != nil {
		errs = append(errs, f.truth.Close())
	}
	return errors.Join(errs...)
}
