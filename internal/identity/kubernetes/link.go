// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// A link lists and watches one resource, and notes how that goes.
type link struct {
	*cache.ListWatch
	resource string
	logger   *zap.Logger
	now      func() time.Time
	synced   chan struct{} // closed when all was listed once
	// gaps are told since when what happens may not be known, and that all that happened is
	// known again without a list.
	gaps *gaps

	mu     sync.Mutex
	status Link
	once   sync.Once
	// streaming is whether a list comes by a watch, broken whether that one ended.
	streaming, broken bool
}

// A Link tells of the watch of one resource.
type Link struct {
	// Synced is whether all was listed, at least once.
	Synced bool
	// Watching is whether a watch is open: if not, what is known is the last known.
	Watching bool
	// Since is when Synced or Watching changed last.
	Since time.Time
	// Heard is when the API server said something last. It does so every minute.
	Heard time.Time
	// Lost is since when what happens may not be known, or zero. It is so for some time
	// after a watch is back, until the API server says that it has told all.
	Lost time.Time
	// Err is why there is no watch, or nil.
	Err error
}

func newLink(client rest.Interface, s selector, g *gaps, logger *zap.Logger, now func() time.Time) *link {
	lw := cache.NewFilteredListWatchFromClient(client, s.resource, s.namespace, s.apply)
	return &link{
		ListWatch: lw, resource: s.resource, logger: logger, now: now,
		synced: make(chan struct{}), status: Link{Since: now()}, gaps: g,
	}
}

// ListWithContext lists, where the API server is too old to stream a list.
func (l *link) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	asked := l.now()
	list, err := l.ListWatch.ListWithContext(ctx, options)
	if err != nil {
		l.failed(ctx, err)
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streaming, l.broken = false, false
	if options.Continue == "" { // what follows is as of the same time
		l.status.Heard = asked
	}
	return list, nil
}

// WatchWithContext watches.
func (l *link) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	w, err := l.ListWatch.WatchWithContext(ctx, options)
	if err != nil {
		l.failed(ctx, err)
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streaming, l.broken = options.SendInitialEvents != nil && *options.SendInitialEvents, false
	return newTap(ctx, w, l), nil
}

// heard notes that the API server said something, and tells whether that is of a watch,
// and not of a list that comes by one.
func (l *link) heard() (watching bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status.Heard = l.now()
	if l.streaming {
		return false
	}
	l.watches()
	return true
}

func (l *link) watches() {
	if l.status.Watching {
		return
	}
	l.status.Watching, l.status.Err, l.status.Since = true, nil, l.now()
	if l.status.Synced {
		l.logger.Info("Watch is back", zap.String("resource", l.resource))
	}
}

// listed notes that all was listed. If that came by a watch, it goes on, or it ended while
// the list was read.
func (l *link) listed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken {
		l.lost()
	} else if l.streaming {
		l.watches()
	}
	l.streaming = false
	if !l.status.Synced {
		l.status.Synced, l.status.Since = true, l.now()
	}
	l.once.Do(func() { close(l.synced) })
}

// failed notes why there is no watch. It is no failure if nobody wants one any more.
func (l *link) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		l.logger.Info("Watch has expired: all is listed again", zap.String("resource", l.resource), zap.Error(err))
	} else if l.status.Watching || l.status.Err == nil {
		l.logger.Warn("Watch is lost: what is known stays", zap.String("resource", l.resource), zap.Error(err))
	}
	if l.status.Watching {
		l.status.Watching, l.status.Since = false, l.now()
	}
	l.status.Err, l.broken = err, true
	l.lost()
}

// lost begins a gap. Before anything was told, nothing is lost.
func (l *link) lost() {
	if !l.status.Heard.IsZero() {
		l.gaps.open(l.status.Heard.UnixNano())
	}
}

func (l *link) get() Link {
	l.mu.Lock()
	defer l.mu.Unlock()
	status := l.status
	if lost := l.gaps.since(); lost != forever {
		status.Lost = time.Unix(0, lost)
	}
	return status
}
