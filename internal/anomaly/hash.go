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
	last []placed
}

// A placed is an attribute at its place.
type placed struct {
	*attributeName
	value string     // if it was text
	term  reduce.Key // of name and value; zero if it was none
}

// An attributeName is the name of an attribute, and what follows from it alone.
type attributeName struct {
	name   string
	hash   reduce.Key // another one than that of a value of the same text
	ofFlow bool       // all points of one flow have it
	isName bool
	bits   uint8 // see bitsOf
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
		return h.last[place].attributeName
	}
	known := h.names[name]
	if known == nil {
		known = &attributeName{name: name, hash: h.mix(h.string(name), 1), ofFlow: ofFlow(name), isName: isName(name), bits: bitsOf(name)}
		if len(h.names) < maxNames {
			h.names[name] = known
		}
	}
	if place < len(h.last) {
		h.last[place] = placed{attributeName: known}
	} else if place == len(h.last) && place < maxNames {
		h.last = append(h.last, placed{attributeName: known})
	}
	return known
}

// term returns what an attribute adds to a key, and what is known of its name.
func (h *hasher) term(place int, key string, value pcommon.Value) (reduce.Key, *attributeName) {
	if value.Type() != pcommon.ValueTypeStr {
		name := h.name(place, key)
		return h.multiply(name, h.value(value)), name
	}
	text, name := value.Str(), h.name(place, key)
	if place >= len(h.last) {
		return h.multiply(name, h.string(text)), name
	}
	last := &h.last[place]
	if last.value != text || last.term == (reduce.Key{}) {
		last.value, last.term = text, h.multiply(name, h.string(text))
	}
	return last.term, name
}

// forget lets go of values that have come.
func (h *hasher) forget() {
	for i := range h.last {
		h.last[i].value, h.last[i].term = "", reduce.Key{}
	}
}

// point returns the keys of what a data point has in common with others of its flow, of the names
// among that, which are part of the flow's key unless its addresses are known, and of the rest.
func (h *hasher) point(attributes pcommon.Map) (flow, called, rest reduce.Key, told bool) {
	place, bits := 0, uint8(0)
	for key, value := range attributes.All() {
		term, name := h.term(place, key, value)
		place++
		bits |= name.bits
		switch {
		case !name.ofFlow:
			rest = plus(rest, term)
		case name.isName:
			called = plus(called, term)
		default:
			flow = plus(flow, term)
		}
	}
	return flow, called, rest, addressed(bits)
}

// nameless returns the key of all attributes that are no names.
func (h *hasher) nameless(attributes pcommon.Map) (key reduce.Key) {
	place := 0
	for name, value := range attributes.All() {
		if term, known := h.term(place, name, value); !known.isName {
			key = plus(key, term)
		}
		place++
	}
	return key
}

// all returns the key of all attributes.
func (h *hasher) all(attributes pcommon.Map) (all reduce.Key) {
	place := 0
	for key, value := range attributes.All() {
		term, _ := h.term(place, key, value)
		all = plus(all, term)
		place++
	}
	return all
}

func (h *hasher) multiply(name *attributeName, value reduce.Key) reduce.Key {
	return reduce.Key{
		fold(value[0]^name.hash[0], h.secrets[0]^name.hash[1]),
		fold(value[1]^name.hash[1], h.secrets[1]^name.hash[0]),
	}
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

func plus(a, b reduce.Key) reduce.Key { return reduce.Key{a[0] + b[0], a[1] + b[1]} }
