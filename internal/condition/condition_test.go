// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package condition

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	attributes := map[string]string{"source.port": "80", "k8s.pod.name": `a "b" and c`}
	of := func(name string) (string, bool) {
		value, ok := attributes[name]
		return value, ok
	}
	for text, want := range map[string]bool{
		`source.port = 80`:               true,
		`source.port = 81`:               false,
		`other.name = ""`:                false, // it is not there
		`k8s.pod.name = "a \"b\" and c"`: true,
		`source.port = 80 or source.port = 81 and source.port = 82`:   true, // and binds closer
		`(source.port = 80 or source.port = 81) and source.port = 82`: false,
	} {
		shows, err := Parse(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, shows(of), text)
	}
	for _, text := range []string{``, `a`, `a =`, `a = b`, `(a = 1`, `a = 1)`, `a = 1 b = 2`, `a = 1 and`, `"a" = 1`} {
		_, err := Parse(text)
		require.Error(t, err, text)
	}
}
