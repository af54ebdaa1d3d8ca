// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package static

import (
	"fmt"
	"strings"
	"testing"
)

// TestParseNamesTheLineThatIsNoYAML has a mark where a person would look. The library
// tells the line before it, where the list began, or none.
func TestParseNamesTheLineThatIsNoYAML(t *testing.T) {
	const mark = "#!"
	for _, c := range []struct{ text, problem string }{
		{"workloads: [ #!\n", "did not find expected node content"},
		{"a: b\n\tc: d #!\n", "found a tab character that violates indentation"},
		{"a: b: c #!\n", "mapping values are not allowed in this context"},
		{"a: b\n\n\nc: d: e #!\n", "mapping values are not allowed in this context"},
		{"workloads:\n  - workload: a\n   addresses: [1] #!\n  - a: b\n", "did not find expected '-' indicator"},
		{"workloads:\n  - workload: a\n    addresses: [10.0.0.1]\n  workload: b #!\n    addresses: [1]\n", "did not find expected '-' indicator"},
		{"workloads:\n  - workload: a\n    addresses: [10.0.0.1 #!\n  - workload: b\n", "did not find expected ',' or ']'"},
		{"workloads:\n  - workload: a\n    zone: 'b #!\n    addresses: [10.0.0.1]\n", "found unexpected end of stream"},
		{"a: [\n1,\n2]\nb: c\nd: [\n1,\nx: y #!\nz: []\n", "did not find expected ',' or ']'"},
		{"a: b\n# c\n d: e #!\n# f\n", "did not find expected key"},
		{"- a\nb: c #!\n", "did not find expected '-' indicator"},
		{"a: b\nb: *x #!\nc: d\n", "unknown anchor 'x' referenced"},
		{"a: b\n# \xff #!\nc: d\n", "invalid leading UTF-8 octet"},
		{"a: b\r\n# \x00 #!\r\nc: d\r\n", "control characters are not allowed"},
	} {
		before, _, _ := strings.Cut(c.text, mark)
		want := fmt.Sprintf("f.yaml:%d: must be YAML: %s", 1+strings.Count(before, "\n"), c.problem)
		if _, err := Parse("f.yaml", []byte(c.text)); err == nil || err.Error() != want {
			t.Errorf("Parse(%q): error\n%v\nwant\n%s", c.text, err, want)
		}
	}
}

// TestASecondDocumentThatIsNoYAML is refused for both.
func TestASecondDocumentThatIsNoYAML(t *testing.T) {
	_, err := Parse("f.yaml", []byte("services: []\n---\na: b\nc: *d\n"))
	const want = "f.yaml:4: must be one YAML document: unknown anchor 'd' referenced"
	if err == nil || err.Error() != want {
		t.Errorf("Parse: error %v, want %s", err, want)
	}
}
