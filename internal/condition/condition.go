// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package condition evaluates what tcp.problem.filter says, as a reader of metrics would: for tests.
package condition

import (
	"fmt"
	"strconv"
	"strings"
	"text/scanner"
)

// A Condition tells whether a data point is meant, of which value returns the attributes.
type Condition func(value func(name string) (string, bool)) bool

// Parse reads a condition: names = values, joined by and, which binds closer, and or, with
// parentheses.
func Parse(text string) (Condition, error) {
	p := &parser{}
	p.Init(strings.NewReader(text))
	p.Error = func(*scanner.Scanner, string) { p.failed = true }
	p.IsIdentRune = func(r rune, i int) bool {
		return r == '_' || r >= 'a' && r <= 'z' || i > 0 && (r == '.' || r >= '0' && r <= '9')
	}
	p.next()
	c := p.either()
	if p.failed || p.token != scanner.EOF {
		return nil, fmt.Errorf("parse condition %q: wrong at %s", text, p.Pos())
	}
	return c, nil
}

type parser struct {
	scanner.Scanner
	token  rune
	failed bool
}

func (p *parser) next() { p.token = p.Scan() }

func (p *parser) either() Condition {
	c := p.both()
	for p.token == scanner.Ident && p.TokenText() == "or" {
		p.next()
		a, b := c, p.both()
		c = func(of func(string) (string, bool)) bool { return a(of) || b(of) }
	}
	return c
}

func (p *parser) both() Condition {
	c := p.one()
	for p.token == scanner.Ident && p.TokenText() == "and" {
		p.next()
		a, b := c, p.one()
		c = func(of func(string) (string, bool)) bool { return a(of) && b(of) }
	}
	return c
}

func (p *parser) one() Condition {
	if p.token == '(' {
		p.next()
		c := p.either()
		p.expect(')')
		return c
	}
	name := p.TokenText()
	p.expect(scanner.Ident)
	p.expect('=')
	value := p.TokenText()
	switch p.token {
	case scanner.String:
		value, _ = strconv.Unquote(value)
	case scanner.Int:
	default:
		p.failed = true
	}
	p.next()
	return func(of func(string) (string, bool)) bool {
		there, ok := of(name)
		return ok && there == value
	}
}

func (p *parser) expect(token rune) {
	if p.token != token {
		p.failed = true
	}
	p.next()
}

// Attributes is what pcommon.Map is, as only the components know OpenTelemetry.
type Attributes[V interface{ AsString() string }] interface {
	Get(name string) (V, bool)
}

// Of looks an attribute up: a point's, else that of its resource.
func Of[A Attributes[V], V interface{ AsString() string }](point, resource A) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := point.Get(name)
		if !ok {
			value, ok = resource.Get(name)
		}
		if !ok {
			return "", false
		}
		return value.AsString(), true
	}
}
