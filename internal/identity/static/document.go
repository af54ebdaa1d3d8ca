// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package static

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A scalar is a value and where it stands.
type scalar struct {
	text string
	line int
}

// A document reads YAML and collects what is wrong with it.
type document struct {
	name string // of the file, as errors tell it
	errs []error
}

// wrong notes an error of a line, with the key or entry it is about.
func (d *document) wrong(line int, where, format string, args ...any) {
	d.errs = append(d.errs, fmt.Errorf("%s:%d: %s: %s", d.name, line, where, fmt.Sprintf(format, args...)))
}

// root returns the mapping that a document consists of.
func (d *document) root(text []byte) (*yaml.Node, error) {
	var node yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&node); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: is empty: must have workloads or services", d.name)
	} else if err != nil {
		line, problem := locate(text, err)
		return nil, fmt.Errorf("%s:%d: must be YAML: %s", d.name, line, problem)
	}
	var next yaml.Node
	if err := decoder.Decode(&next); err == nil {
		return nil, fmt.Errorf("%s:%d: must be one YAML document", d.name, next.Line)
	} else if !errors.Is(err, io.EOF) {
		line, problem := locate(text, err)
		return nil, fmt.Errorf("%s:%d: must be one YAML document: %s", d.name, line, problem)
	}
	return node.Content[0], nil
}

// mapping reads a node's keys into what fields has for them: a *scalar, a *[]scalar, or
// a func(*yaml.Node). Another key is an error.
func (d *document) mapping(node *yaml.Node, where string, fields map[string]any) {
	node = resolve(node)
	if node.Kind != yaml.MappingNode {
		d.wrong(node.Line, where, "must be a mapping with keys of %s", keys(fields))
		return
	}
	seen := map[string]int{}
	for i := 0; i < len(node.Content); i += 2 {
		key, value := node.Content[i], resolve(node.Content[i+1])
		at := where + "." + key.Value
		target, known := fields[key.Value]
		if first, twice := seen[key.Value]; twice {
			d.wrong(key.Line, at, "is there twice, first on line %d", first)
		} else if !known {
			d.wrong(key.Line, at, "unknown key: must be one of %s", keys(fields))
		} else {
			d.value(value, at, target)
		}
		seen[key.Value] = key.Line
	}
}

func (d *document) value(node *yaml.Node, where string, target any) {
	switch target := target.(type) {
	case *scalar:
		if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
			d.wrong(node.Line, where, "must be a string")
			return
		}
		if node.Value == "" {
			d.wrong(node.Line, where, "must not be empty: leave it out")
			return
		}
		*target = d.trimmed(node, where)
	case *[]scalar:
		d.list(node, where, func(item *yaml.Node, where string) {
			if item.Kind != yaml.ScalarNode || item.Tag == "!!null" || strings.TrimSpace(item.Value) == "" {
				d.wrong(item.Line, where, "must be a value, not empty")
				return
			}
			*target = append(*target, d.trimmed(item, where))
		})
	case func(*yaml.Node, string):
		d.list(node, where, target)
	}
}

// trimmed returns a value, which may not have spaces around it.
func (d *document) trimmed(node *yaml.Node, where string) scalar {
	if strings.TrimSpace(node.Value) != node.Value {
		d.wrong(node.Line, where, "%q must not begin or end with a space", node.Value)
	}
	return scalar{node.Value, node.Line}
}

func (d *document) list(node *yaml.Node, where string, item func(*yaml.Node, string)) {
	if node.Kind != yaml.SequenceNode {
		d.wrong(node.Line, where, "must be a list")
		return
	}
	for i, n := range node.Content {
		item(resolve(n), fmt.Sprintf("%s[%d]", where, i))
	}
}

func resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

func keys(fields map[string]any) string {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
