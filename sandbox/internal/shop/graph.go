// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package shop

import "slices"

// Callers returns the services that call it, directly or through others, sorted; itself
// only if it is called by what it calls.
func (s *Shop) Callers(service string) []string {
	var found []string
	for queue := []string{service}; len(queue) > 0; queue = queue[1:] {
		for _, edge := range s.Edges {
			if edge.To == queue[0] && !slices.Contains(found, edge.From) {
				found = append(found, edge.From)
				queue = append(queue, edge.From)
			}
		}
	}
	slices.Sort(found)
	return found
}

// Impact returns, sorted, the services that a fault at the given ones reaches: themselves
// and all that call them.
func (s *Shop) Impact(direct ...string) []string {
	all := slices.Clone(direct)
	for _, service := range direct {
		all = append(all, s.Callers(service)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Height is how many calls lie below a service at most: 0 for one that calls nobody.
func (s *Shop) Height(service string) (height int) {
	for _, edge := range s.Edges {
		if edge.From == service {
			height = max(height, 1+s.Height(edge.To))
		}
	}
	return height
}

// Neighbours returns, sorted, a service with all that it calls or that call it.
func (s *Shop) Neighbours(service string) []string {
	all := []string{service}
	for _, edge := range s.Edges {
		switch service {
		case edge.From:
			all = append(all, edge.To)
		case edge.To:
			all = append(all, edge.From)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
