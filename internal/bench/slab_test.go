// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const slabinfo = `slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>
TCP                   30     32   2368   13    8 : tunables    0    0    0 : slabdata      3      3      0
kmalloc-256         1000   1024    256   16    1 : tunables    0    0    0 : slabdata     64     64      0
`

func TestSlabsGrow(t *testing.T) {
	before, err := parseSlabs(strings.NewReader(slabinfo))
	require.NoError(t, err)
	require.Equal(t, slabs{"TCP": {30, 2368}, "kmalloc-256": {1000, 256}}, before)
	require.Equal(t, 30*2368+1000*256, before.bytes())

	after := slabs{"TCP": {130, 2368}, "kmalloc-256": {1150, 256}}
	without := slabs{"TCP": {130, 2368}, "kmalloc-256": {1050, 256}}
	tracked := after.grown(before, 100).less(without.grown(before, 100))
	require.Equal(t, growth{"kmalloc-256": {1, 256}}, tracked)
}

func TestSlabsOfNothing(t *testing.T) {
	_, err := parseSlabs(strings.NewReader("slabinfo - version: 2.1\n"))
	require.ErrorContains(t, err, "no cache")
}
