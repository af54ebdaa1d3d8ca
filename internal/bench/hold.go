// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// A pair is both ends of a connection.
type pair struct{ client, server int }

// hold opens connections and keeps both ends of them.
func (c *childProcess) hold() error {
	pairs, err := c.openPairs()
	if err != nil {
		return err
	}
	if err := c.greet(0); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	for t := range c.tasks {
		begin := time.Now()
		for range t.Count {
			if err := exchangeAll(pairs, random); err != nil {
				return fmt.Errorf("exchange: %w", err)
			}
		}
		if err := c.answer(outcome{Count: t.Count, Elapsed: time.Since(begin)}); err != nil {
			return err
		}
	}
	return nil
}

func (c *childProcess) openPairs() ([]pair, error) {
	listener, port, err := listen()
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	pairs := make([]pair, c.order.Connections)
	for i := range pairs {
		p := &pairs[i]
		if p.client, err = connect(newAddress(i%c.order.Addresses, port)); err != nil {
			return nil, fmt.Errorf("connect %d of %d: %w", i+1, len(pairs), err)
		}
		if p.server, err = accept(listener); err != nil {
			return nil, fmt.Errorf("accept %d of %d: %w", i+1, len(pairs), err)
		}
	}
	return pairs, nil
}

// exchangeAll makes one exchange of 1 byte on each connection. Connections speak
// in groups, first all clients of a group, then all its servers: an answer
// carries the acknowledgement, so a round trip takes as long as the group is
// large, and random sizes spread round trips over three orders of magnitude.
func exchangeAll(pairs []pair, random *rand.Rand) error {
	const largest = 2000
	for len(pairs) > 0 {
		size := int(math.Pow(largest, random.Float64()))
		group := pairs[:min(size, len(pairs))]
		pairs = pairs[len(group):]
		if err := exchangeGroup(group); err != nil {
			return err
		}
	}
	return nil
}

func exchangeGroup(group []pair) error {
	b := make([]byte, 1)
	for _, speak := range []func(pair) (from, to int){
		func(p pair) (int, int) { return p.client, p.server },
		func(p pair) (int, int) { return p.server, p.client },
	} {
		for _, p := range group {
			from, _ := speak(p)
			if err := write(from, b); err != nil {
				return err
			}
		}
		for _, p := range group {
			_, to := speak(p)
			if _, err := read(to, b); err != nil {
				return err
			}
		}
	}
	return nil
}
