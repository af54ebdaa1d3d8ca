// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package verdict reads what a collector says from the file that its OTLP exporter writes,
// as any backend would: it knows the names of the events and nothing of the collector.
package verdict

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/score"
)

// event is the name of those that are read.
const event = "tcp.flow.problem"

// longest is the longest line that is read, in bytes.
const longest = 64 << 20

type value struct {
	StringValue *string
	IntValue    *string
	DoubleValue *float64
	ArrayValue  *struct{ Values []value }
}

type record struct {
	EventName            string
	ObservedTimeUnixNano string // when it was written
	Attributes           []struct {
		Key   string
		Value value
	}
}

// Read returns the problems that a file tells of, in the order in which they were first
// told; no file is no problems.
func Read(path string) ([]score.Problem, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read verdicts: %w", err)
	}
	defer func() { _ = file.Close() }()
	return Parse(file)
}

// Parse reads OTLP in JSON, a line a batch. A last line that is not whole yet is left out.
func Parse(r io.Reader) ([]score.Problem, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longest)
	var all []score.Problem
	var broken error
	for n := 1; lines.Scan(); n++ {
		if broken != nil {
			return nil, broken
		}
		var batch struct {
			ResourceLogs []struct {
				ScopeLogs []struct{ LogRecords []record }
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &batch); err != nil {
			broken = fmt.Errorf("read verdicts: line %d: %w", n, err)
			continue
		}
		for _, resource := range batch.ResourceLogs {
			for _, scope := range resource.ScopeLogs {
				for _, one := range scope.LogRecords {
					all = one.join(all)
				}
			}
		}
	}
	return all, lines.Err()
}

// join adds what a record tells to what is known. The detection's type and root count, not
// what is said later: nobody waits for that. A problem that was closed and is opened once
// more is told of anew, and so is one of its own from then on. It is detected when that is
// said: what a record claims of the time itself is no witness.
func (r record) join(all []score.Problem) []score.Problem {
	if r.EventName != event {
		return all
	}
	id := r.text("tcp.problem.id")
	detected, onset := nanoseconds(r.ObservedTimeUnixNano), r.time("tcp.problem.start_time")
	state, times := r.text("tcp.problem.state"), 0
	at := -1
	for i, p := range all {
		if p.ID == id || strings.HasPrefix(p.ID, id+" ") {
			at, times = i, times+1
		}
	}
	if times > 1 {
		onset = all[at].Onset // that of the first time is no news
	}
	if again := at >= 0 && state == "open" && !all[at].Closed.IsZero(); again || at < 0 {
		if again {
			id = fmt.Sprintf("%s again %d", id, times)
			onset = detected
		}
		all = append(all, score.Problem{
			ID: id, Type: r.text("tcp.problem.type"), Title: r.text("tcp.problem.title"),
			Detected: detected, Candidates: r.places(),
		})
		at = len(all) - 1
	}
	p := &all[at]
	p.Onset, p.Services = onset, r.list("tcp.problem.affected.services")
	if state == "close" {
		p.Closed = r.time("tcp.problem.end_time")
	}
	return all
}

func (r record) get(key string) (v value) {
	for _, a := range r.Attributes {
		if a.Key == key {
			return a.Value
		}
	}
	return v
}

func (r record) text(key string) string {
	if v := r.get(key); v.StringValue != nil {
		return *v.StringValue
	}
	return ""
}

func (r record) time(key string) time.Time {
	v := r.get(key)
	if v.IntValue == nil {
		return time.Time{}
	}
	return nanoseconds(*v.IntValue)
}

func nanoseconds(raw string) time.Time {
	n, err := strconv.ParseInt(raw, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(0, n)
}

func (r record) list(key string) (all []string) {
	if v := r.get(key); v.ArrayValue != nil {
		for _, one := range v.ArrayValue.Values {
			if one.StringValue != nil {
				all = append(all, *one.StringValue)
			}
		}
	}
	return all
}

// places are the root and the other candidates.
func (r record) places() []fault.Place {
	root := Place(r.text("tcp.problem.root_cause.kind"), r.text("tcp.problem.root_cause.name"))
	all := []fault.Place{root}
	for _, candidate := range r.list("tcp.problem.candidates") {
		name, _, _ := strings.Cut(candidate, ": ")
		// "node pair a → b" is of kind node_pair.
		for _, pair := range []string{"node", "zone"} {
			name = strings.Replace(name, pair+" pair ", pair+"_pair ", 1)
		}
		kind, rest, _ := strings.Cut(name, " ")
		if one := Place(kind, rest); !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}

// Place reads a place as it is written: two names with an arrow between them are a pair's;
// a namespace goes before a slash, a listener's port after a colon. A listener is its
// workload.
func Place(kind, name string) fault.Place {
	a, b := name, ""
	for _, arrow := range []string{" → ", " ↔ ", " -> "} {
		if first, second, ok := strings.Cut(name, arrow); ok {
			a, b = first, second
		}
	}
	p := fault.Place{Kind: fault.PlaceKind(kind), A: plain(a), B: plain(b)}
	if kind == "listener" {
		p.Kind = fault.Workload
		p.A, _, _ = strings.Cut(p.A, ":")
	}
	return p
}

func plain(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
