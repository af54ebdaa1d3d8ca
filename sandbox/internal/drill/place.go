// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"slices"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
)

// fitting are the calls at which a fault shows: a connection that stays open never meets a
// full accept queue, and a request of one segment is never split into more.
var fitting = map[string]func(s *shop.Shop, e shop.Edge) bool{
	"nagle": func(_ *shop.Shop, e shop.Edge) bool {
		return e.Style == shop.Pool && e.Request > 300 && e.Request < 1400
	},
	"pool-exhausted":          func(_ *shop.Shop, e shop.Edge) bool { return e.Style == shop.Pool && e.Share > 0 },
	"filtered":                isShort,
	"accept-queue":            isShort,
	"port-exhaustion":         isShort,
	"slow-reader":             isBulk,
	"stopped-reader":          isBulk,
	"receive-buffer-listener": isBulk,
	"receive-buffer-accepted": isBulk,
	"bandwidth":               func(_ *shop.Shop, e shop.Edge) bool { return e.Response > 10_000 || e.Style == shop.Bulk },
	"database-stall":          speaks(shop.MySQL, shop.Mongo, shop.Elastic),
	"redis-stall":             speaks(shop.Redis),
	"refused":                 speaks(shop.HTTP1, shop.GRPC, shop.Dubbo),
	"reset-storm":             speaks(shop.HTTP1),
	"send-buffer":             speaks(shop.HTTP1, shop.GRPC),
}

func isShort(_ *shop.Shop, e shop.Edge) bool { return e.Style == shop.Short }
func isBulk(_ *shop.Shop, e shop.Edge) bool  { return e.Style == shop.Bulk }

func speaks(protocols ...shop.Protocol) func(*shop.Shop, shop.Edge) bool {
	return func(s *shop.Shop, e shop.Edge) bool {
		to, err := s.Service(e.To)
		return err == nil && slices.Contains(protocols, to.Protocol)
	}
}

// places are those of a kind at which a fault shows.
func places(s *shop.Shop, name string, kind fault.PlaceKind) (all []fault.Place) {
	switch kind {
	case fault.Node:
		for _, n := range s.Nodes {
			all = append(all, fault.Place{Kind: kind, A: n.Name})
		}
		return all
	case fault.ZonePair:
		return []fault.Place{{Kind: kind, A: s.Nodes[0].Zone, B: s.Nodes[len(s.Nodes)-1].Zone}}
	}
	for _, edge := range s.Edges {
		fits := fitting[name]
		if edge.Style == shop.Push || edge.Response == 0 || fits != nil && !fits(s, edge) {
			continue
		}
		service := edge.To
		if name == "port-exhaustion" {
			service = edge.From // the client's ports
		}
		for _, place := range at(s, edge, service, kind) {
			if !slices.Contains(all, place) {
				all = append(all, place)
			}
		}
	}
	return all
}

func at(s *shop.Shop, edge shop.Edge, service string, kind fault.PlaceKind) (all []fault.Place) {
	switch kind {
	case fault.Pair:
		return []fault.Place{{Kind: kind, A: edge.From, B: edge.To}}
	case fault.Workload:
		return []fault.Place{{Kind: kind, A: service}}
	}
	for _, pod := range s.PodsOf(service) {
		all = append(all, fault.Place{Kind: kind, A: pod.Name})
	}
	return all
}
