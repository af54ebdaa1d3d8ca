// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package localize_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/localize"
)

func TestReaders(t *testing.T) {
	a, b, c, d := workload(0), workload(1), workload(2), workload(3)
	for name, test := range map[string]struct {
		edges []localize.Limited
		want  []localize.Name
	}{
		"a reader that waits for nobody": {nil, []localize.Name{a}},
		"to the last one": {
			[]localize.Limited{{From: b, To: c, Share: .5}, {From: a, To: b, Share: .4}},
			[]localize.Name{a, b, c},
		},
		"where it waits most": {
			[]localize.Limited{{From: a, To: b, Share: .2}, {From: a, To: d, Share: .6}, {From: b, To: c, Share: .9}},
			[]localize.Name{a, d},
		},
		"a circle ends": {
			[]localize.Limited{{From: a, To: b, Share: .2}, {From: b, To: a, Share: .2}},
			[]localize.Name{a, b},
		},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, localize.Readers(a, test.edges)) })
	}
}
