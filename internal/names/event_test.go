// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestEventsAreDescribedOnce(t *testing.T) {
	var seen []string
	for _, event := range Events() {
		assert.NotContains(t, seen, event.Name)
		seen = append(seen, event.Name)
		assert.True(t, strings.HasSuffix(event.Description, "."), "%s needs a sentence", event.Name)
	}
	assert.Len(t, seen, 2)
}

// Document stores map a dotted name to nested objects.
func TestNoAttributeOfAnEventIsANamespace(t *testing.T) {
	attributes := []string{EventName, ConnectionDuration, ConnectionRetransmits}
	for _, event := range Events() {
		attributes = append(attributes, event.Attributes...)
	}
	for _, outer := range attributes {
		assert.False(t, slices.ContainsFunc(attributes, func(inner string) bool {
			return strings.HasPrefix(inner, outer+".")
		}), outer)
	}
}
