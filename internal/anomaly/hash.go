// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"hash/maphash"
	"math/bits"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// A hasher makes keys of attributes, in whatever order they come. Keys are 128 bits of
// two hashes with secret seeds, so that nobody can make two series have one.
type hasher struct {
	seeds   [2]maphash.Seed
	secrets [2]uint64
	names   map[string]*attributeName
	// What was at each place of the last data point: the next one's are the same, as a
	// rule.
	last []*attributeName
}

// An attributeName is the name of an attribute, and what follows from it alone.
type attributeName struct {
	name   string
	hash   reduce.Key
	ofFlow bool // all points of one flow have it
}

// maxNames bounds the memory for names that somebody makes up.
const maxNames = 1024

func newHasher() *hasher {
	h := &hasher{names: make(map[string]*attributeName)}
	for i := range h.seeds {
		h.seeds[i] = maphash.MakeSeed()
		h.secrets[i] = maphash.String(h.seeds[i], "secret") | 1
	}
	return h
}

// name returns what is known of the name at a place.
func (h *hasher) name(place int, name string) *attributeName {
	if place < len(h.last) && h.last[place].name == name {
		return h.last[place]
	}
	known := h.names[name]
	if known == nil {
		known = &attributeName{name: name, hash: h.string(name), ofFlow: ofFlow(name)}
		if len(h.names) < maxNames {
			h.names[name] = known
		}
	}
	if place < len(h.last) {
		h.last[place] = known
	} else if place == len(h.last) && place < maxNames {
		h.last = append(h.last, known)
	}
	return known
}

// point returns the keys of what a data point has in common with others of its flow,
// and of the rest.
func (h *hasher) point(attributes pcommon.Map) (flow, rest reduce.Key) {
	place := 0
	for key, value := range attributes.All() {
		name := h.name(place, key)
		place++
		if name.ofFlow {
			flow = h.add(flow, name, value)
		} else {
			rest = h.add(rest, name, value)
		}
	}
	return flow, rest
}

// all returns the key of all attributes.
func (h *hasher) all(attributes pcommon.Map) (all reduce.Key) {
	place := 0
	for key, value := range attributes.All() {
		all = h.add(all, h.name(place, key), value)
		place++
	}
	return all
}

func (h *hasher) add(sum reduce.Key, name *attributeName, value pcommon.Value) reduce.Key {
	v := h.value(value)
	sum[0] += fold(v[0]^name.hash[0], h.secrets[0]^name.hash[1])
	sum[1] += fold(v[1]^name.hash[1], h.secrets[1]^name.hash[0])
	return sum
}

func (h *hasher) value(value pcommon.Value) reduce.Key {
	switch value.Type() {
	case pcommon.ValueTypeStr:
		return h.string(value.Str())
	case pcommon.ValueTypeInt:
		return h.number(uint64(value.Int()), uint64(pcommon.ValueTypeInt))
	case pcommon.ValueTypeBool:
		if value.Bool() {
			return h.number(1, uint64(pcommon.ValueTypeBool))
		}
		return h.number(0, uint64(pcommon.ValueTypeBool))
	default:
		return h.mix(h.string(value.AsString()), uint64(value.Type()))
	}
}

func (h *hasher) string(s string) reduce.Key {
	return reduce.Key{maphash.String(h.seeds[0], s), maphash.String(h.seeds[1], s)}
}

func (h *hasher) number(n, kind uint64) reduce.Key {
	return reduce.Key{
		fold(n^h.secrets[1], h.secrets[0]^kind<<32),
		fold(n^h.secrets[0], h.secrets[1]^kind<<32),
	}
}

// mix makes another key of one and a number.
func (h *hasher) mix(k reduce.Key, n uint64) reduce.Key { return h.join(k, h.number(n, 1<<16)) }

// join makes one key of two, in which their order matters.
func (h *hasher) join(a, b reduce.Key) reduce.Key {
	return reduce.Key{
		fold(a[0]^h.secrets[0], b[0]^h.secrets[1]) + a[1],
		fold(a[1]^h.secrets[1], b[1]^h.secrets[0]) + bits.RotateLeft64(b[0], 32),
	}
}

func fold(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}
