// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTable(t *testing.T) {
	var out strings.Builder
	table := newTable("Title", "what", "ns")
	table.row("one", number(9.876))
	table.row("another", number(98.76))
	table.row("third", number(1987.6))
	table.note("%d rows", 3)
	require.NoError(t, table.print(&out))
	require.Equal(t, `
Title

  what      ns
  one       9.88
  another   98.8
  third     1988
  (3 rows)
`, out.String())
}
