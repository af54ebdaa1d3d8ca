// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"time"
)

// A slab is one of the kernel's caches of objects of one size.
type slab struct {
	objects int // in use
	size    int // bytes of one
}

// slabs are all caches by name.
type slabs map[string]slab

// readSlabs reads them once they have come to rest: what a closed socket held is
// given back some grace periods later.
func readSlabs() (slabs, error) {
	const (
		tick    = 100 * time.Millisecond
		rest    = 5 // ticks
		patient = 50
		noise   = 1 << 16 // bytes
	)
	var last slabs
	for still, ticks := 0, 0; ; ticks++ {
		now, err := openSlabs()
		if err != nil {
			return nil, err
		}
		if still++; math.Abs(float64(now.bytes()-last.bytes())) > noise {
			still = 0
		}
		if last = now; still == rest || ticks == patient {
			return now, nil
		}
		time.Sleep(tick)
	}
}

func openSlabs() (slabs, error) {
	file, err := os.Open("/proc/slabinfo")
	if err != nil {
		return nil, fmt.Errorf("read slabs: %w", err)
	}
	defer file.Close()
	return parseSlabs(file)
}

// parseSlabs reads the format of slabinfo(5), version 2.1.
func parseSlabs(r io.Reader) (slabs, error) {
	all := make(slabs)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var name string
		var s slab
		var total int
		n, _ := fmt.Sscan(lines.Text(), &name, &s.objects, &total, &s.size)
		if n == 4 { // not the two lines of the head
			all[name] = s
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read slabs: %w", err)
	}
	if len(all) == 0 {
		return nil, errors.New("read slabs: no cache is listed")
	}
	return all, nil
}

func (s slabs) bytes() (total int) {
	for _, one := range s {
		total += one.objects * one.size
	}
	return total
}

// grown is how many objects came since before, per each of so many, to the caches
// that BPF has its memory from. Others belong to sockets, files and strangers.
func (s slabs) grown(before slabs, each int) growth {
	g := make(growth)
	for name, now := range s {
		if !strings.HasPrefix(name, "kmalloc-") {
			continue
		}
		g[name] = grown{float64(now.objects-before[name].objects) / float64(each), now.size}
	}
	return g
}

// A grown is a number of objects of a size.
type grown struct {
	objects float64
	size    int
}

// A growth is what came, by cache.
type growth map[string]grown

// less is what is left of g without o.
func (g growth) less(o growth) growth {
	out := make(growth)
	for name, one := range g {
		out[name] = grown{one.objects - o[name].objects, one.size}
	}
	return out
}

// rows adds a row for each cache that holds a noteworthy part, and one for all.
func (g growth) rows(t *table, each string) {
	const noteworthy = 0.05 // objects
	bytes := 0.
	for _, name := range slices.Sorted(maps.Keys(g)) {
		one := g[name]
		bytes += one.objects * float64(one.size)
		if math.Abs(one.objects) >= noteworthy {
			t.row("slab "+name+", objects "+each, fmt.Sprintf("%.2f", one.objects))
		}
	}
	t.row("slab in all, bytes "+each, number(bytes))
}
