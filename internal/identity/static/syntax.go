// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package static

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"sort"

	"go.yaml.in/yaml/v3"
)

// told is how the library tells an error. Its line is none, one too low, or where what
// is open began, by the kind of error.
var told = regexp.MustCompile(`^(?:yaml: )?(?:line \d+: )?`)

// locate finds the line from which on a text cannot be read, and what the library says
// of it: the first lines up to that one have the same error as all.
func locate(text []byte, err error) (line int, problem string) {
	lines := bytes.SplitAfter(text, []byte("\n"))
	i := sort.Search(len(lines)-1, func(i int) bool {
		head := syntax(bytes.Join(lines[:i+1], nil))
		return head != nil && head.Error() == err.Error()
	})
	return i + 1, told.ReplaceAllString(err.Error(), "")
}

// syntax returns why a text is no YAML documents, or nil.
func syntax(text []byte) error {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		if err := decoder.Decode(new(yaml.Node)); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
