// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// What attributes there are decides a key, and nothing else: not their order, and not what
// came before. What splits a metric is in the second key, all else in the first.
func TestKeysAreOfAttributesAlone(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	h := newHasher()
	all := []string{names.SourceAddress, names.DestinationAddress, names.DestinationPort, names.NetworkType, names.IODirection, "mine", ""}
	flows, rests := make(map[string]reduce.Key), make(map[string]reduce.Key)
	for range 20_000 {
		attributes := pcommon.NewMap()
		said, split := make(map[string]string), make(map[string]string)
		for _, i := range random.Perm(len(all))[:random.IntN(len(all)+1)] {
			value := attributes.PutEmpty(all[i])
			switch random.IntN(4) {
			case 0:
				value.SetInt(random.Int64N(2))
			case 1:
				value.SetBool(random.IntN(2) == 0)
			default:
				value.SetStr([]string{"", "0", "1", "mine"}[random.IntN(4)])
			}
			text := fmt.Sprint(value.Type(), value.AsString())
			if ofFlow(all[i]) {
				said[all[i]] = text
			} else {
				split[all[i]] = text
			}
		}
		own, called, rest, _ := h.point(attributes)
		flow := plus(own, called)
		for _, c := range []struct {
			text string
			key  reduce.Key
			keys map[string]reduce.Key
		}{{fmt.Sprint(said), flow, flows}, {fmt.Sprint(split), rest, rests}} {
			if before, ok := c.keys[c.text]; ok {
				require.Equal(t, before, c.key, c.text)
			}
			c.keys[c.text] = c.key
		}
		if random.IntN(100) == 0 {
			h.forget()
		}
	}
	for _, keys := range []map[string]reduce.Key{flows, rests} {
		texts := make(map[reduce.Key]string)
		for text, key := range keys {
			require.Empty(t, texts[key], "two of one key: %s", text)
			texts[key] = text
		}
	}
}
