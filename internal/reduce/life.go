// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

// lives are when outputs ended: one of the same key starts no earlier, or a backend would
// see two lives of one series at once.
type lives struct {
	ends  map[Key]uint64
	floor uint64 // until then may have ended what is not remembered
}

func (l *lives) ended(key Key, at uint64) { l.ends[key] = at }

// end returns when the output of a key ended last, or may have.
func (l *lives) end(key Key) uint64 { return max(l.ends[key], l.floor) }

// expire forgets what ended before a time (ns since 1970), and more if it is too much.
func (l *lives) expire(before uint64, limit int) {
	for key, end := range l.ends {
		if end < before || len(l.ends) > limit {
			l.floor = max(l.floor, end)
			delete(l.ends, key)
		}
	}
}
