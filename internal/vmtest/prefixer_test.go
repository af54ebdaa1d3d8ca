// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPrefixer(t *testing.T) {
	var out bytes.Buffer
	p := &prefixer{prefix: "6.1: ", out: &out}
	for _, text := range []string{"a", "b\n\x16--- c\n", "", "\n", "d"} {
		n, err := io.Copy(p, strings.NewReader(text))
		require.NoError(t, err)
		require.EqualValues(t, len(text), n)
	}
	require.Equal(t, "6.1: ab\n6.1: --- c\n6.1: \n", out.String())
}
