// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package localize

// A Limited edge waits for its receiver, which leaves no room in its window.
type Limited struct {
	From, To Name
	Share    float64 // of wall time, 0 to 1
}

// Readers follows back-pressure from a workload that does not read: who does not read
// because it waits for its own receiver is not the cause. The chain begins with from and
// ends with the last slow reader, which waits for nobody; where a reader waits for
// several, the one it waits for most goes on. A circle ends where it closes.
func Readers(from Name, edges []Limited) []Name {
	next := make(map[Name]Limited)
	for _, e := range edges {
		if best, ok := next[e.From]; !ok || e.Share > best.Share ||
			e.Share == best.Share && compareNames(e.To, best.To) < 0 {
			next[e.From] = e
		}
	}
	chain := []Name{from}
	for seen := map[Name]bool{from: true}; ; {
		e, ok := next[chain[len(chain)-1]]
		if !ok || seen[e.To] {
			return chain
		}
		seen[e.To] = true
		chain = append(chain, e.To)
	}
}
