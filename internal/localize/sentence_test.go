// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package localize_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/localize"
)

func TestPlacesInWords(t *testing.T) {
	db := localize.Name{Namespace: "shop", Kind: "StatefulSet", Name: "db"}
	outside := localize.Name{Kind: localize.External, Name: localize.External}
	elsewhere := localize.Name{Kind: localize.External, Name: "10.9.9.9"}
	for _, test := range []struct {
		place        localize.Place
		word, inFull string
	}{
		{localize.Place{Kind: localize.KindWorkload, A: db}, "workload", "workload shop/db"},
		{localize.Place{Kind: localize.KindListener, A: db, Port: 5432}, "listener", "listener shop/db:5432"},
		{localize.Place{Kind: localize.KindWorkload, A: outside}, "external", "external"},
		{localize.Place{Kind: localize.KindListener, A: outside, Port: 443}, "external", "external:443"},
		{localize.Place{Kind: localize.KindWorkload, A: elsewhere}, "external", "external 10.9.9.9"},
		{localize.Place{Kind: localize.KindListener, A: elsewhere, Port: 5432}, "external", "external 10.9.9.9:5432"},
		{localize.Place{Kind: localize.KindPair, A: db, B: outside}, "pair", "pair shop/db → external"},
		{localize.Place{Kind: localize.KindPair, A: outside, B: db}, "pair", "pair external → shop/db"},
		{localize.Place{Kind: localize.KindWorkload, A: localize.Name{Kind: "unknown", Name: "10.9.9.9"}}, "workload", "workload 10.9.9.9"},
	} {
		assert.Equal(t, test.word, test.place.Word())
		assert.Equal(t, test.inFull, test.place.String())
	}
}
