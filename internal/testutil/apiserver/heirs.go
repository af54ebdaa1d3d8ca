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
	// HostNetwork has the addresses be their node's: of all of them, and of others.
	HostNetwork bool
	Register    *Register
	// Early has each pod made, and wait for an address, before the one before it leaves.
	Early bool
	// Known returns when who is tested knows of a pod that waits for an address: a kubelet
	// learns of it by a watch, too, and needs longer to give it one.
	Known func(*Pod) error
	// Late returns when a pod's kubelet tells of the addresses that the pod has.
	Late func(*Pod) error
	// Live returns when a pod has had its addresses for long enough.
	Live func(*Pod) error

	made       int
	last, next *Pod
}

// HandOver gives the addresses to one pod after the other, each as soon as the API server
// has the end of the one before. Each third pod ends by itself, the others by deletion.
func (h *Heirs) HandOver(ctx context.Context, lives int) error {
	for range lives {
		if err := h.leave(ctx); err != nil {
			return err
		}
		next, err := h.heir(ctx)
		if err != nil {
			return err
		}
		if err := h.take(ctx, next); err != nil {
			return err
		}
		h.last = next
	}
	return nil
}

// leave frees the last pod's addresses as soon as the API server has its deletion, or,
// of a pod that ends by itself, before.
func (h *Heirs) leave(ctx context.Context) error {
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

// heir returns who is next. What was made last is known, so all from before it is, too.
func (h *Heirs) heir(ctx context.Context) (next *Pod, err error) {
	if next = h.next; next == nil {
		if next, err = h.make(ctx); err != nil {
			return nil, err
		}
	}
	newest := next
	if h.Early {
		if newest, err = h.make(ctx); err != nil {
			return nil, err
		}
		h.next = newest
	}
	return next, h.Known(newest)
}

func (h *Heirs) make(ctx context.Context) (*Pod, error) {
	p := &Pod{
		Namespace: h.Namespace, Name: fmt.Sprintf("%s-%d", h.Name, h.made), Node: h.Nodes[h.made%len(h.Nodes)],
		IPs: h.IPs, HostNetwork: h.HostNetwork, Once: h.made%3 == 0,
	}
	h.made++
	return p, h.Create(ctx, p)
}

// take gives the addresses to a pod.
func (h *Heirs) take(ctx context.Context, p *Pod) error {
	p.Acknowledged = time.Now()
	h.Register.Take(p)
	if err := h.Late(p); err != nil {
		return err
	}
	if err := h.Start(ctx, p); err != nil {
		return err
	}
	return h.Live(p)
}
