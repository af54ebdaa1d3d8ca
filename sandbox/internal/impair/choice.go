// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package impair

// Period is after how many packets a choice begins anew.
const Period = 1 << 16

// Chosen tells whether packets are chosen by their number alone, and either lost or sent
// once more. The kernel can do that, and need not ask for every packet.
func (c Config) Chosen() bool {
	lost, twice := Config{Loss: c.Loss, Seed: c.Seed}, Config{Duplicate: c.Duplicate, Seed: c.Seed}
	return c.Loss > 0 && c == lost || c.Duplicate > 0 && c == twice
}

// Numbers are those that are chosen of each period, from 0: the same that a queue chooses.
func (c Config) Numbers() (all []int) {
	fates := newFates(c)
	for number := range Period {
		if next := fates.next(); next.drop || next.twice {
			all = append(all, number)
		}
	}
	return all
}
