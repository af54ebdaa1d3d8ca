// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// A selector is what the API server is asked for, of one resource.
type selector struct {
	resource, namespace string
	fields              fields.Selector
	labels              labels.Selector
}

func (s selector) apply(options *metav1.ListOptions) {
	options.FieldSelector = s.fields.String()
	options.LabelSelector = s.labels.String()
}

// podSelector leaves out pods that have finished: they show an address that was theirs.
func podSelector(f *FilterConfig) (selector, error) {
	s := selector{resource: "pods", namespace: f.Namespace, labels: labels.NewSelector()}
	all := []fields.Selector{
		fields.OneTermNotEqualSelector("status.phase", "Succeeded"),
		fields.OneTermNotEqualSelector("status.phase", "Failed"),
	}
	if node := f.node(); node != "" {
		all = append(all, fields.OneTermEqualSelector("spec.nodeName", node))
	}
	for i, c := range f.Fields {
		field, err := c.field()
		if err != nil {
			return s, fmt.Errorf("filter::fields[%d]: %w", i, err)
		}
		all = append(all, field)
	}
	for i, c := range f.Labels {
		label, err := c.label()
		if err != nil {
			return s, fmt.Errorf("filter::labels[%d]: %w", i, err)
		}
		s.labels = s.labels.Add(*label)
	}
	s.fields = fields.AndSelectors(all...)
	return s, nil
}

func serviceSelector(f *FilterConfig) selector {
	return selector{"services", f.Namespace, fields.Everything(), labels.Everything()}
}

func nodeSelector(f *FilterConfig) selector {
	s := selector{"nodes", metav1.NamespaceAll, fields.Everything(), labels.Everything()}
	if node := f.node(); node != "" {
		s.fields = fields.OneTermEqualSelector(metav1.ObjectNameField, node)
	}
	return s
}

func (c *FieldFilterConfig) field() (fields.Selector, error) {
	if c.Key == "" {
		return nil, errors.New("key: must be set")
	}
	switch c.Op {
	case "", "equals":
		return fields.OneTermEqualSelector(c.Key, c.Value), nil
	case "not-equals":
		return fields.OneTermNotEqualSelector(c.Key, c.Value), nil
	}
	return nil, fmt.Errorf("op: %q must be equals or not-equals", c.Op)
}

func (c *FieldFilterConfig) label() (*labels.Requirement, error) {
	ops := map[string]selection.Operator{
		"": selection.Equals, "equals": selection.Equals, "not-equals": selection.NotEquals,
		"exists": selection.Exists, "does-not-exist": selection.DoesNotExist,
	}
	op, ok := ops[c.Op]
	if !ok {
		return nil, fmt.Errorf("op: %q must be equals, not-equals, exists or does-not-exist", c.Op)
	}
	var values []string
	if op == selection.Equals || op == selection.NotEquals {
		values = []string{c.Value}
	} // as contrib, exists and does-not-exist take no notice of a value
	r, err := labels.NewRequirement(c.Key, op, values)
	if err != nil {
		return nil, err
	}
	return r, nil
}
