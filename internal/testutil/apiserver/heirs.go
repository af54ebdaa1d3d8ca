// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"
)

// Heirs are pods that have the same addresses, one after the other.
type Heirs struct {
	*Client
	Namespace, Node string
	IPs             []string
	Register        *Register
	// Known returns when who is tested knows of a pod that waits for an address: a kubelet
	// learns of it by a watch, too, and needs longer to give it one.
	Known func(*Pod) error
	// Live returns when a pod has had its addresses for long enough.
	Live func(*Pod) error
}

// HandOver gives the addresses to one pod after the other. The next one waits on the node
// before they are free, and has them within milliseconds. Each third pod ends by itself,
// the others by deletion.
func (h *Heirs) HandOver(ctx context.Context, lives int) error {
	var last *Pod
	for i := range lives {
		next := &Pod{Namespace: h.Namespace, Name: fmt.Sprintf("%s-%d", h.Node, i), Node: h.Node, IPs: h.IPs, Once: i%3 == 0}
		if err := h.Create(ctx, next); err != nil {
			return err
		}
		if err := h.Known(next); err != nil {
			return err
		}
		if last != nil {
			if err := h.leave(ctx, last); err != nil {
				return err
			}
		}
		h.Register.Take(next)
		if err := h.Start(ctx, next); err != nil {
			return err
		}
		if err := h.Live(next); err != nil {
			return err
		}
		last = next
	}
	return nil
}

// leave frees the pod's addresses. Kubernetes is told after it.
func (h *Heirs) leave(ctx context.Context, p *Pod) error {
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
