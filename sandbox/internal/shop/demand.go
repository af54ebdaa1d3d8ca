// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package shop

import "math"

// DefaultLoad is how many customers' requests come each second if nobody says otherwise.
const DefaultLoad = 16

// Requests is how many a service gets each second, of customers and of other services. The
// swing in the course of a day is left out.
func (s *Shop) Requests(service string) (rate float64) {
	if service == Entry {
		rate = s.Load
	}
	for _, edge := range s.Edges {
		if edge.To == service {
			rate += s.Calls(edge)
		}
	}
	return rate
}

// Calls is how many there are of a kind each second.
func (s *Shop) Calls(edge Edge) float64 { return edge.Rate + edge.Share*s.Requests(edge.From) }

// Demand is what a kind of calls carries: bytes each second, both ways, without headers.
func (s *Shop) Demand(edge Edge) float64 {
	return s.Calls(edge) * float64(edge.Request+edge.Response)
}

// Segments is how many with data it takes each second, both ways.
func (s *Shop) Segments(edge Edge) float64 {
	const most = 1448 // bytes in a segment
	return s.Calls(edge) * (math.Ceil(float64(edge.Request)/most) + math.Ceil(float64(edge.Response)/most))
}
