// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"
	"time"
)

// Heirs are pods that have the same addresses, one after the other.
type Heirs struct {
	*Client
	Namespace string
	Name      string   // of each pod, before its number
	Nodes     []string // which they are on, in turn
	IPs       []string
	Register  *Register
	// Known returns when who is tested knows of a pod that waits for an address: a kubelet
	// learns of it by a watch, too, and needs longer to give it one.
	Known func(*Pod) error
	// Late returns when a pod's kubelet tells of the addresses that the pod has.
	Late func(*Pod) error
	// Live returns when a pod has had its addresses for long enough.
	Live func(*Pod) error

	last *Pod
}

// HandOver gives the addresses to one pod after the other. Each second one is made before
// they are free, the others when they are; each has them as soon as both is so. Each third
// pod ends by itself, the others by deletion.
func (h *Heirs) HandOver(ctx context.Context, lives int) error {
	for i := range lives {
		next := &Pod{Namespace: h.Namespace, Name: fmt.Sprintf("%s-%d", h.Name, i), Node: h.Nodes[i%len(h.Nodes)], IPs: h.IPs, Once: i%3 == 0}
		steps := []func(context.Context, *Pod) error{h.Create, h.leave}
		if i%2 == 1 {
			steps[0], steps[1] = steps[1], steps[0]
		}
		for _, step := range append(steps, h.take) {
			if err := step(ctx, next); err != nil {
				return err
			}
		}
		h.last = next
	}
	return nil
}

// leave frees the last pod's addresses as soon as the API server has its deletion, or,
// of a pod that ends by itself, before.
func (h *Heirs) leave(ctx context.Context, _ *Pod) error {
	p := h.last
	if p == nil {
		return nil
	}
	if !p.Once {
		if err := h.Ask(ctx, p); err != nil {
			return err
		}
	}
	h.Register.Leave(p)
	if p.Once {
		return h.Finish(ctx, p)
	}
	return h.Remove(ctx, p)
}

// take gives them to the next one.
func (h *Heirs) take(ctx context.Context, next *Pod) error {
	if err := h.Known(next); err != nil {
		return err
	}
	next.Acknowledged = time.Now()
	h.Register.Take(next)
	if err := h.Late(next); err != nil {
		return err
	}
	if err := h.Start(ctx, next); err != nil {
		return err
	}
	return h.Live(next)
}
