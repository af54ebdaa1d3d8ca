// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"errors"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"
)

// errEnded is why there is no watch when the API server, or the way to it, ended it. It
// is opened again at once; every watch ends after some minutes.
var errEnded = errors.New("the watch ended")

// A tap is a watch that tells a link what comes through it.
type tap struct {
	watch.Interface
	link   *link
	events chan watch.Event
	stop   chan struct{}
	once   sync.Once
}

func newTap(ctx context.Context, w watch.Interface, l *link) *tap {
	t := &tap{Interface: w, link: l, events: make(chan watch.Event), stop: make(chan struct{})}
	go t.run(ctx)
	return t
}

// ResultChan has the watch's events.
func (t *tap) ResultChan() <-chan watch.Event { return t.events }

// Stop ends the watch.
func (t *tap) Stop() {
	t.once.Do(func() { close(t.stop) })
	t.Interface.Stop()
}

// run passes events on until the watch ends. That is a loss, unless it was asked to: by Stop, or by ctx.
func (t *tap) run(ctx context.Context) {
	defer close(t.events)
	for event := range t.Interface.ResultChan() {
		watching := false
		if event.Type == watch.Error {
			t.link.failed(ctx, apierrors.FromObject(event.Object))
		} else {
			watching = t.link.heard()
		}
		select {
		case t.events <- event:
		case <-t.stop:
			return
		}
		if watching && event.Type == watch.Bookmark {
			t.link.gaps.heal() // who takes one event has done with those before
		}
	}
	select {
	case <-t.stop: // we ended it
	default:
		t.link.failed(ctx, errEnded)
	}
}
